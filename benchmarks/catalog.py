"""The difference of a catalog's night, beside reading and hashing its rows and nothing else.

python -m benchmarks.catalog [--rows N]
"""

import csv
import hashlib
import json
import resource
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from uuid import uuid4

from benchmarks.stage import Connection, Scene, Stage, perform
from benchmarks.table import show
from darkroom.blobs import open_store
from darkroom.catalogs import night
from darkroom.catalogs.night import Studio, Wish
from darkroom.catalogs.plan import plan
from darkroom.catalogs.reading import Plan
from darkroom.catalogs.recipe import read_recipe
from darkroom.catalogs.spool import spool
from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.store.session import open_engine

RECIPE = """
name = "shop"
table = "products.csv"
template = "Product photo of {{ title }}, {{ material }}, soft window light, 50 mm, no text"
[parameters]
quality = "low"
size = "1024x1024"
"""
Done = TypeVar("Done")

CHANGED = 3
"""Of a hundred products, each night."""

_PICTURE = """
INSERT INTO jobs (batch_id, line, custom_id, state, request, bound)
    SELECT batch_id, 1, 'bought', 'succeeded', '{}', 1 FROM catalog_versions LIMIT 1;
INSERT INTO attempts (id, job_id, batch_id, number, state, token, worker, provider, project_id, day,
    lease_expires_at, reserved)
    SELECT gen_random_uuid(), id, batch_id, 1, 'succeeded', 1, 'w', 'default', 'default', current_date,
    now(), 0 FROM jobs;
INSERT INTO images (attempt_id, index, job_id, batch_id, sha256, bytes, format, width, height, disposition)
    SELECT id, 0, job_id, batch_id, 'aa', 1, 'png', 1, 1, 'published' FROM attempts;
UPDATE catalog_items SET state = 'made', shown = fingerprint, index = 0,
    attempt_id = (SELECT id FROM attempts LIMIT 1);
UPDATE catalog_versions SET state = 'published', concluded_at = now();
UPDATE catalogs SET current = 1;
ANALYZE;
"""
"""The first night, as if every item had brought its image."""


def write_table(folder: Path, rows: int, *, tonight: bool) -> None:
    """A product table; tonight some titles are others."""
    (folder / "catalog.toml").write_text(RECIPE)
    with (folder / "products.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("sku", "title", "material", "price"))
        for n in range(rows):
            other = " (new)" if tonight and n % 100 < CHANGED else ""
            table.writerow(
                (f"SKU-{n:07d}", f"Stoneware mug {n}{other}", "hand-thrown clay", "9.99")
            )


def hashed(folder: Path, _url: str) -> int:
    """What no difference can do without: every row read, every row's hash told."""
    with (folder / "products.csv").open(newline="") as file:
        return sum(
            bool(hashlib.sha256(json.dumps(row).encode()).digest()) for row in csv.reader(file)
        )


def planned(folder: Path, _url: str) -> int:
    """The command line's part: recipe and table become a plan."""
    with (folder / "plan.jsonl").open("wb") as file:
        return len(spool(plan(read_recipe(RECIPE), folder / "products.csv"), file))


def compared(folder: Path, url: str) -> int:
    """The server's part: the plan against the current version and all that was ever bought."""
    return _night(folder, url, night.difference).calls


def begun(folder: Path, url: str) -> int:
    """A night, written down."""
    found = _night(folder, url, night.begin).difference
    return found.calls if found else 0


def _night(folder: Path, url: str, act: Callable[..., Done]) -> Done:
    engine = open_engine(url, pool=1)
    models = parse_models(packaged_toml(), datetime.now(UTC).date())
    blobs = open_store((folder / "blobs").as_uri())
    blobs.lay_out("of-the-benchmark")
    studio = Studio(engine, blobs, uuid4)
    try:
        return act(
            studio, "default", "shop", Plan(folder / "plan.jsonl", "default", models), Wish()
        )
    finally:
        engine.dispose()


STEPS: Mapping[str, Callable[[Path, str], int]] = {
    "hash": hashed,
    "plan": planned,
    "diff": compared,
    "night": begun,
}


def step(name: str, folder: Path, url: str) -> tuple[float, float, int]:
    """A step in a process of its own: seconds, megabytes at its peak, and what it counted."""
    argv = (sys.executable, "-m", "benchmarks.catalog", "--step", name, "--folder", str(folder))
    done = subprocess.run((*argv, "--url", url), capture_output=True, text=True, check=True)
    seconds, peak, counted = json.loads(done.stdout)
    return seconds, peak, counted


def alone(name: str, folder: Path, url: str) -> None:
    """The same, in that process."""
    begin = time.perf_counter()
    counted = STEPS[name](folder, url)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, peak, counted]))


def measured(stage: Stage, rows: int) -> list[list[object]]:
    """Every step of the second night of so many products."""
    with TemporaryDirectory() as name, stage.database() as connection:
        folder = Path(name)
        write_table(folder, rows, tonight=False)
        step("plan", folder, stage.urls.database)
        step("night", folder, stage.urls.database)
        _shown(connection)
        write_table(folder, rows, tonight=True)
        floor = step("hash", folder, stage.urls.database)
        found = [("read and hash the rows alone", floor)]
        found += [
            (what, step(one, folder, stage.urls.database))
            for one, what in {"plan": "plan: recipe and table", "diff": "difference"}.items()
        ]
        return [
            [
                what,
                f"{rows:,}",
                f"{seconds:.1f} s",
                f"{seconds / floor[0]:.1f}",
                f"{peak:.0f} MB",
                n,
            ]
            for what, (seconds, peak, n) in found
        ]


def _shown(connection: Connection) -> None:
    for statement in _PICTURE.split(";\n"):
        if statement.strip():
            connection.execute(statement)  # type: ignore[arg-type]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    if given.step:
        alone(given.step, given.folder, given.url)
        return
    lines = [
        line
        for rows in (given.rows // 10, given.rows)
        for line in perform(Scene(workers=0), partial(measured, rows=rows))
    ]
    header = ("step", "rows", "time", "times the first", "peak", "counted")
    show(f"A night in which {CHANGED} of a hundred products have changed", header, lines)


if __name__ == "__main__":
    main()
