"""100,000 rows of CSV from upload to durable jobs, beside a plain COPY of the same rows on the same server.

python -m benchmarks.submit
"""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

from psycopg import sql

from benchmarks.stage import Connection, Scene, Stage, perform
from benchmarks.table import show

ROWS = 100_000
ROUNDS = 3
MEGABYTE = 1_000_000
SIZES = ("1024x1024", "1536x1024", "1024x1536", "2048x1152")
QUALITIES = ("low", "medium", "high")
COLUMNS = (
    "id, batch_id, line, custom_id, state, priority, due_at, token, begun, failures, unknowns, "
    "request, bound"
)


def write_catalog(path: Path, turn: int) -> None:
    """A product catalog: a prompt of about 120 characters, a SKU, and parameters of its own in each row."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("sku", "prompt", "size", "quality"))
        table.writerows(_rows(turn))


def _rows(turn: int) -> Iterator[tuple[str, str, str, str]]:
    for n in range(ROWS):
        prompt = (
            f"Product {n} of range {turn}: a hand-thrown stoneware mug on a linen cloth, "
            "soft window light from the left, 50 mm, no text"
        )
        yield f"SKU-{turn}-{n:06d}", prompt, SIZES[n % len(SIZES)], QUALITIES[n % len(QUALITIES)]


@dataclass(frozen=True, slots=True)
class Taken:
    """What it took; seconds by the clock, and of processors."""

    wall: float
    cpu: float


def submitted(stage: Stage, catalog: Path) -> tuple[UUID, Taken]:
    """From the first byte of the upload to the commit that opens the batch."""
    cpu, begun = stage.cpu(), time.time()
    batch_id = stage.submit(catalog, paused=True)
    ended = stage.when(batch_id, "in_progress_at").timestamp()
    return batch_id, Taken(ended - begun, stage.cpu() - cpu)


def copied(stage: Stage, connection: Connection, batch_id: UUID) -> Taken:
    """The same rows by one COPY into a table with the same columns, checks and indexes."""
    rows = _exported(connection, batch_id)
    connection.execute("CREATE TABLE plain (LIKE jobs INCLUDING ALL) WITH (fillfactor = 70)")
    cpu, begun = stage.cpu(), time.time()
    with connection.cursor().copy(f"COPY plain ({COLUMNS}) FROM STDIN") as copy:
        for block in rows:
            copy.write(block)
    taken = Taken(time.time() - begun, stage.cpu() - cpu)
    connection.execute("DROP TABLE plain")
    return taken


def _exported(connection: Connection, batch_id: UUID) -> list[bytes]:
    query = sql.SQL("COPY (SELECT {} FROM jobs WHERE batch_id = {}) TO STDOUT")
    statement = query.format(sql.SQL(COLUMNS), sql.Literal(batch_id))
    with connection.cursor().copy(statement) as copy:
        return [bytes(block) for block in copy]


def play(stage: Stage) -> None:
    ours, plain = [], []
    with TemporaryDirectory() as folder, stage.database() as connection:
        for turn in range(ROUNDS):
            catalog = Path(folder) / f"catalog-{turn}.csv"
            write_catalog(catalog, turn)
            batch_id, taken = submitted(stage, catalog)
            ours.append(taken)
            plain.append(copied(stage, connection, batch_id))
    report(ours, plain, stage)


def report(ours: list[Taken], plain: list[Taken], stage: Stage) -> None:
    rows = [
        _figures("plain COPY", plain, plain),
        _figures("darkroom, upload to durable jobs", ours, plain),
    ]
    title = f"{ROWS:,} rows of CSV, the median of {ROUNDS} rounds"
    show(title, ("", "s", "from–to", "rows/s", "×", "CPU s", "× CPU"), rows)
    peaks = [(name, f"{stage.peak(name) / MEGABYTE:.0f}") for name in ("api", "worker")]
    show("Peak memory", ("", "MB"), peaks)


def _figures(name: str, ours: list[Taken], plain: list[Taken]) -> tuple[str, ...]:
    walls = [taken.wall for taken in ours]
    times = [mine.wall / bare.wall for mine, bare in zip(ours, plain, strict=True)]
    cpus = [mine.cpu / bare.cpu for mine, bare in zip(ours, plain, strict=True)]
    return (
        name,
        f"{median(walls):.2f}",
        f"{min(walls):.2f}–{max(walls):.2f}",
        f"{ROWS / median(walls):,.0f}",
        f"{median(times):.1f}",
        f"{median(taken.cpu for taken in ours):.2f}",
        f"{median(cpus):.1f}",
    )


if __name__ == "__main__":
    perform(Scene(), play)
