"""200 calls in flight of 1.5 MB images at 2 s, beside a bare asyncio script on the same machine.

python -m benchmarks.in_flight
"""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.stage import PYTHON, ROOT, Scene, Stage, perform
from benchmarks.table import show

IMAGES = 2_000
IN_FLIGHT = 200
LATENCY = 2.0
IMAGE_BYTES = 1_500_000
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """One way of making the images, and how long it took."""

    name: str
    seconds: float

    @property
    def rate(self) -> float:
        return IMAGES / self.seconds


def script(stage: Stage, folder: Path) -> Run:
    """The bare script, in a process of its own that has started and imported before its clock does."""
    url = f"{stage.urls.sandbox}/v1"
    argv = (*PYTHON, "benchmarks.bare", url, str(IMAGES), str(IN_FLIGHT), str(folder))
    done = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)
    assert sum(1 for _ in folder.iterdir()) == IMAGES
    return Run("bare script", float(done.stdout))


def queue(stage: Stage, folder: Path) -> Run:
    """A batch, from the first byte of its upload to its end."""
    prompts = folder / "prompts.csv"
    lines = [f"a mug; number {number},1024x1024,low" for number in range(IMAGES)]
    prompts.write_text("\n".join(("prompt,size,quality", *lines)))
    begun = time.time()
    batch_id = stage.submit(prompts)
    ended = stage.when(batch_id, "ended_at").timestamp()
    with stage.database() as connection:
        counts = connection.execute(
            "SELECT succeeded, unknown, images FROM batches WHERE id = %s", [batch_id]
        ).fetchone()
    assert counts == {"succeeded": IMAGES, "unknown": 0, "images": IMAGES}, counts
    return Run("darkroom", ended - begun)


def play(stage: Stage) -> None:
    with TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        ours = queue(stage, Path(folder))
        bare = script(stage, pictures)
        shutil.rmtree(pictures)
    show(
        f"{IMAGES:,} images of {IMAGE_BYTES / MEGABYTE} MB, {IN_FLIGHT} in flight, {LATENCY} s a call",
        ("", "s", "images/s", "×"),
        [
            (run.name, f"{run.seconds:.1f}", f"{run.rate:.1f}", f"{run.rate / bare.rate:.2f}")
            for run in (bare, ours)
        ],
    )
    show("Peak memory", ("", "MB"), [("worker", f"{stage.peak('worker') / MEGABYTE:.0f}")])


if __name__ == "__main__":
    perform(Scene(in_flight=IN_FLIGHT, workers=2, latency=LATENCY, image_bytes=IMAGE_BYTES), play)
