"""200 calls in flight of 1.5 MB images at 2 s, beside a bare asyncio script on the same machine.

python -m benchmarks.in_flight
"""

import os
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
    """One way of making the images: seconds by the clock, and of processors, the studio's included."""

    name: str
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        return IMAGES / self.wall


def script(stage: Stage, folder: Path) -> Run:
    """The bare script, in a process of its own that has started and imported before its clock does."""
    url = f"{stage.urls.sandbox}/v1"
    argv = (*PYTHON, "benchmarks.bare", url, str(IMAGES), str(IN_FLIGHT), str(folder))
    cpu = stage.cpu() + _buried()
    done = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)
    assert sum(1 for _ in folder.iterdir()) == IMAGES
    return Run("bare script", float(done.stdout), stage.cpu() + _buried() - cpu)


def _buried() -> float:
    """The processor time of the children that this process has waited for."""
    return sum(os.times()[2:4])


def queue(stage: Stage, folder: Path) -> Run:
    """A batch, from the first byte of its upload to its end."""
    prompts = folder / "prompts.csv"
    lines = [f"a mug; number {number},1024x1024,low" for number in range(IMAGES)]
    prompts.write_text("\n".join(("prompt,size,quality", *lines)))
    cpu, begun = stage.cpu(), time.time()
    batch_id = stage.submit(prompts)
    ended = stage.when(batch_id, "ended_at").timestamp()
    with stage.database() as connection:
        counts = connection.execute(
            "SELECT succeeded, unknown, images FROM batches WHERE id = %s", [batch_id]
        ).fetchone()
    assert counts == {"succeeded": IMAGES, "unknown": 0, "images": IMAGES}, counts
    return Run("darkroom", ended - begun, stage.cpu() - cpu)


def play(stage: Stage) -> None:
    with TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        ours = queue(stage, Path(folder))
        bare = script(stage, pictures)
        shutil.rmtree(pictures)
    megabytes = IMAGE_BYTES / MEGABYTE
    show(
        f"{IMAGES:,} images of {megabytes} MB, {IN_FLIGHT} in flight, {LATENCY} s a call",
        ("", "s", "images/s", "×", "CPU ms an image"),
        [_figures(run, bare) for run in (bare, ours)],
    )
    show("Peak memory", ("", "MB"), [("worker", f"{stage.peak('worker') / MEGABYTE:.0f}")])


def _figures(run: Run, bare: Run) -> tuple[str, ...]:
    ratio = run.rate / bare.rate
    per_image = run.cpu / IMAGES * 1000
    return run.name, f"{run.wall:.1f}", f"{run.rate:.1f}", f"{ratio:.2f}", f"{per_image:.0f}"


if __name__ == "__main__":
    perform(Scene(in_flight=IN_FLIGHT, workers=2, latency=LATENCY, image_bytes=IMAGE_BYTES), play)
