"""Time that an image costs beyond the provider's own: 0.5 s a call, tiny images, one worker process.

python -m benchmarks.overhead
"""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.stage import Scene, Stage, perform, row
from benchmarks.table import show
from benchmarks.timed import LAPS, STEPS

LATENCY = 0.5
LOADS = {10: 300, 50: 1_000}
"""Images to make, by calls in flight."""


@dataclass(frozen=True, slots=True)
class Course:
    """What one batch took; seconds."""

    in_flight: int
    images: int
    wall: float
    attempt: tuple[float, float]
    """Median and 95th percentile from begin to settle."""
    steps: dict[str, float]
    """Mean of each."""

    @property
    def ideal(self) -> float:
        return self.images / self.in_flight * LATENCY


def course(in_flight: int, images: int) -> Course:
    """Makes the images and says what they took."""
    with TemporaryDirectory() as folder:
        laps = Path(folder) / "laps.jsonl"
        prompts = Path(folder) / "prompts.csv"
        lines = [f"a mug; number {number},1024x1024,low" for number in range(images)]
        prompts.write_text("\n".join(("prompt,size,quality", *lines)))
        scene = Scene(
            in_flight=in_flight,
            latency=LATENCY,
            app="benchmarks.timed",
            variables={LAPS: str(laps)},
        )
        wall, median, late = perform(scene, lambda stage: _taken(stage, prompts))
        return Course(in_flight, images, wall, (median, late), _means(laps))


def _taken(stage: Stage, prompts: Path) -> tuple[float, float, float]:
    """From the commit that opens the batch to the end of its last attempt."""
    batch_id = stage.submit(prompts)
    stage.when(batch_id, "ended_at")
    with stage.database() as connection:
        found = row(
            connection,
            "SELECT extract(epoch FROM max(a.ended_at) - min(b.in_progress_at))::float AS wall, "
            "percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP "
            "(ORDER BY extract(epoch FROM a.ended_at - a.begun_at)) AS spans "
            "FROM attempts a JOIN batches b ON b.id = a.batch_id WHERE b.id = %s",
            batch_id,
        )
    return found["wall"], *found["spans"]


def _means(laps: Path) -> dict[str, float]:
    attempts = [json.loads(line) for line in laps.read_text().splitlines()]
    made = [attempt for attempt in attempts if "settle" in attempt]
    return {step: mean(attempt.get(step, 0) for attempt in made) for step in STEPS}


def report(courses: list[Course]) -> None:
    show(
        f"Beyond the provider's {LATENCY} s, tiny images, one worker process",
        (
            "in flight",
            "images",
            "wall s",
            "ideal s",
            "ms an image beyond",
            "begin–settle p50",
            "p95",
        ),
        [
            (
                run.in_flight,
                run.images,
                f"{run.wall:.1f}",
                f"{run.ideal:.1f}",
                _ms((run.wall - run.ideal) / run.images),
                *(_ms(span - LATENCY) for span in run.attempt),
            )
            for run in courses
        ],
    )
    show(
        "Where the milliseconds of an attempt go (mean; the call without the provider's time)",
        ("in flight", *STEPS),
        [(run.in_flight, *(_ms(_own(step, run)) for step in STEPS)) for run in courses],
    )


def _own(step: str, run: Course) -> float:
    return run.steps[step] - (LATENCY if step == "call" else 0)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


if __name__ == "__main__":
    report([course(in_flight, images) for in_flight, images in LOADS.items()])
