"""100,000 rows from upload to durable jobs, beside a plain COPY of the same rows on the same server.

python -m benchmarks.submit [--rows N] [--rounds N] [--format csv|jsonl]
"""

import csv
import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

from psycopg import sql

from benchmarks.stage import Connection, Scene, Stage, perform
from benchmarks.table import show

MEGABYTE = 1_000_000
SIZES = ("1024x1024", "1536x1024", "1024x1536", "2048x1152")
QUALITIES = ("low", "medium", "high")
COLUMNS = (
    "id, batch_id, line, custom_id, state, priority, due_at, token, begun, failures, unknowns, "
    "request, bound"
)


HEADER = ("sku", "prompt", "size", "quality")


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows a file has, how many files are handed in, and of which format they are."""

    rows: int
    rounds: int
    format: str


def write_catalog(path: Path, turn: int, size: Size) -> None:
    """A product catalog: a prompt of about 120 characters, a SKU, and parameters of its own in each row."""
    with path.open("w", newline="") as file:
        if size.format == "jsonl":
            for row in _rows(turn, size.rows):
                file.write(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n")
            return
        table = csv.writer(file)
        table.writerow(HEADER)
        table.writerows(_rows(turn, size.rows))


def _rows(turn: int, number: int) -> Iterator[tuple[str, str, str, str]]:
    for n in range(number):
        prompt = (
            f"Product {n} of range {turn}: a hand-thrown stoneware mug on a linen cloth, "
            "soft window light from the left, 50 mm, no text"
        )
        yield f"SKU-{turn}-{n:07d}", prompt, SIZES[n % len(SIZES)], QUALITIES[n % len(QUALITIES)]


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


def play(size: Size, stage: Stage) -> None:
    ours, plain = [], []
    with TemporaryDirectory() as folder, stage.database() as connection:
        for turn in range(size.rounds):
            catalog = Path(folder) / f"catalog-{turn}.{size.format}"
            write_catalog(catalog, turn, size)
            batch_id, taken = submitted(stage, catalog)
            ours.append(taken)
            plain.append(copied(stage, connection, batch_id))
    report(size, ours, plain, stage)


def report(size: Size, ours: list[Taken], plain: list[Taken], stage: Stage) -> None:
    rows = [
        _figures("plain COPY", size.rows, plain, plain),
        _figures("darkroom, upload to durable jobs", size.rows, ours, plain),
    ]
    title = f"{size.rows:,} rows of {size.format.upper()}, the median of {size.rounds} rounds"
    show(title, ("", "s", "from–to", "rows/s", "×", "CPU s", "× CPU"), rows)
    peaks = [(name, f"{stage.peak(name) / MEGABYTE:.0f}") for name in ("api", "worker")]
    show("Peak memory", ("", "MB"), peaks)


def _figures(name: str, rows: int, ours: list[Taken], plain: list[Taken]) -> tuple[str, ...]:
    walls = [taken.wall for taken in ours]
    times = [mine.wall / bare.wall for mine, bare in zip(ours, plain, strict=True)]
    cpus = [mine.cpu / bare.cpu for mine, bare in zip(ours, plain, strict=True)]
    return (
        name,
        f"{median(walls):.2f}",
        f"{min(walls):.2f}–{max(walls):.2f}",
        f"{rows / median(walls):,.0f}",
        f"{median(times):.1f}",
        f"{median(taken.cpu for taken in ours):.2f}",
        f"{median(cpus):.1f}",
    )


def _asked() -> Size:
    parser = ArgumentParser(prog="python -m benchmarks.submit")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--format", choices=("csv", "jsonl"), default="csv")
    return Size(**vars(parser.parse_args()))


if __name__ == "__main__":
    perform(Scene(), partial(play, _asked()))
