"""A file on disk becomes jobs: all of them or, where a row is bad, none; and the memory stays flat."""

import csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from celery import Celery
from factories import Factory
from sqlalchemy import text

from darkroom.blobs import StorageFailed, open_store
from darkroom.blobs.keys import blob_key
from darkroom.settings import Settings
from darkroom.store import batches, intake
from darkroom.store.intake import IngestLost
from darkroom.store.session import transaction
from worker import ingest as reading
from worker.app import build_tools, new_id
from worker.ingest import ingest

SHARE = 50
"""Rows in one transaction, so that a small file takes several."""


class Desk:
    """One database, one storage, and a worker that reads the files handed in."""

    def __init__(self, engine, database_url, folder) -> None:
        self.engine = engine
        self.storage_url = (folder / "blobs").as_uri()
        settings = Settings(
            database_url=database_url,
            redis_url="redis://127.0.0.1:1",
            storage_url=self.storage_url,
            spool=folder / "spool",
            openai_api_key="sk-of-the-test",
        )
        self.tools = build_tools(settings, Celery())
        self.tools.blobs.settle()

    def submit(self, filename: str, data: bytes, **options: object) -> UUID:
        factory = Factory(self.engine, open_store(self.storage_url), "default")
        file_id = factory.file(data, filename)
        batch = batches.NewBatch(new_id(), "default", file_id, options)
        with transaction(self.engine) as connection:
            batches.create(connection, batch)
        return batch.id

    def read(self, stopwatch: Callable[[], float] | None = None) -> int:
        tools = replace(self.tools, stopwatch=stopwatch) if stopwatch else self.tools
        return ingest(tools)

    def rows(self, query: str, **values: object):
        with transaction(self.engine) as connection:
            return connection.execute(text(query), values).all()

    def batch(self, batch_id: UUID):
        return self.rows("SELECT * FROM batches WHERE id = :id", id=batch_id)[0]

    def refusal(self, batch_id: UUID):
        """The one problem for which a batch failed, with nothing left of it."""
        row = self.batch(batch_id)
        assert (row.status, row.total) == ("failed", 0)
        assert self.rows("SELECT 1 FROM jobs") == []
        [problem] = row.problems
        return problem


@pytest.fixture
def desk(engine, database_url, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "CHUNK", SHARE)
    made = Desk(engine, database_url, tmp_path)
    yield made
    made.tools.engine.dispose()


def _csv(*rows: tuple[object, ...]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def _jsonl(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_every_row_of_a_catalog_is_a_job_as_it_was_written(desk):
    rows = [
        (f"SKU {n}\t\\N\n", f'a "{n}"\\ \t 猫', ("low", "")[n % 2], n % 3) for n in range(2 * SHARE)
    ]
    header = ("sku", "prompt", "quality", "priority")
    batch_id = desk.submit("list.csv", _csv(header, *rows), defaults={"size": "1024x1024"})
    assert desk.read() == 2 * SHARE
    found = desk.rows("SELECT * FROM jobs ORDER BY line")
    for job, (sku, prompt, quality, priority) in zip(found, rows, strict=True):
        assert (job.custom_id, job.priority) == (sku.strip(), priority)
        assert job.request == {
            "prompt": prompt,
            "model": "gpt-image-2",
            "n": 1,
            "size": "1024x1024",
            "quality": quality or "auto",
            "output_format": "png",
        }
    row = desk.batch(batch_id)
    assert (row.status, row.total, row.queued) == ("in_progress", 2 * SHARE, 2 * SHARE)


@pytest.mark.parametrize("last", [{"prompt": "x", "custom_id": "own"}, {"prompt": "x", "id": "7"}])
def test_a_column_that_only_the_last_line_has_counts(desk, last):
    """What names the rows is known when all of them were seen."""
    batch_id = desk.submit("list.jsonl", _jsonl(*[{"prompt": "x"}] * SHARE, last))
    if "custom_id" in last:
        desk.read()
        row = desk.batch(batch_id)
        assert (row.status, len(row.problems)) == ("failed", SHARE)
        assert {problem["code"] for problem in row.problems} == {"custom_id_missing"}
    else:
        assert desk.read() == SHARE + 1
        assert desk.rows("SELECT max(custom_id) AS last FROM jobs")[0].last == f"{SHARE + 1:04}"


@pytest.mark.parametrize("place", [0, SHARE - 1, SHARE, 3 * SHARE - 1])
def test_a_bad_row_anywhere_leaves_nothing_behind(desk, place):
    rows = [(f"s-{n}", "a cat", "1") for n in range(3 * SHARE)]
    rows[place] = (f"s-{place}", "a cat", "eleven")
    batch_id = desk.submit("list.csv", _csv(("sku", "prompt", "n"), *rows))
    assert desk.read() == 0
    problem = desk.refusal(batch_id)
    assert (problem["line"], problem["column"], problem["value"]) == (place + 2, "n", "eleven")


def test_bad_rows_can_be_skipped(desk):
    rows = [(f"s-{n}", "" if n % 10 == 3 else "a cat") for n in range(3 * SHARE)]
    batch_id = desk.submit("list.csv", _csv(("sku", "prompt"), *rows), skip_bad_rows=True)
    assert desk.read() == 3 * SHARE * 9 // 10
    row = desk.batch(batch_id)
    assert (row.status, row.queued, row.skipped) == ("in_progress", 135, 15)


def test_a_byte_that_is_no_text_is_found_behind_rows_that_were_added(desk):
    table = _csv(("sku", "prompt"), *((f"s-{n}", "x" * 100) for n in range(2_000)))
    batch_id = desk.submit("list.csv", table + "s-x,café".encode("latin-1"))
    assert desk.read() == 0
    problem = desk.refusal(batch_id)
    assert (problem["code"], problem["line"]) == ("not_utf8", 2_002)
    assert "'é' if it is Latin-1" in problem["message"]


class Stopwatch:
    """A second a look; at one of them something happens."""

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        self._at, self._act = at, act
        self.now = 0

    def __call__(self) -> float:
        self.now += 1
        if self.now == self._at:
            self._act()
        return self.now


@pytest.mark.parametrize("columns", [("sku", "prompt"), ("id", "prompt")])
def test_a_batch_that_is_cancelled_meanwhile_is_let_go(desk, columns):
    rows = _csv(columns, *((f"s-{n}", "a cat") for n in range(3 * SHARE)))
    batch_id = desk.submit("list.csv", rows)

    def cancel() -> None:
        with transaction(desk.engine) as connection:
            batches.cancel(connection, batch_id)

    assert desk.read(Stopwatch(20, cancel)) == 0
    row = desk.batch(batch_id)
    assert row.status == "cancelling"
    assert row.total == desk.rows("SELECT count(*) AS n FROM jobs")[0].n < 3 * SHARE


@pytest.mark.parametrize("at", [2, SHARE + 10, 3 * SHARE - 10])
def test_of_two_readers_of_one_file_the_later_makes_every_job_once(desk, at):
    """The first was thought dead in the middle of its rows, some of them committed; it comes back."""
    rows = _csv(("sku", "prompt"), *((f"s-{n}", "a cat") for n in range(3 * SHARE)))
    batch_id = desk.submit("list.csv", rows)
    with ThreadPoolExecutor(1) as other:
        later = []

        def lose() -> None:
            with transaction(desk.engine) as connection:
                connection.execute(text("UPDATE batches SET ingest_lease_expires_at = now()"))
            later.append(other.submit(desk.read))
            while desk.batch(batch_id).readings < 2 and not later[0].done():
                """Until the other has the file."""

        assert desk.read(Stopwatch(at, lose)) == 0
        assert later[0].result() == 3 * SHARE
    row = desk.batch(batch_id)
    assert (row.status, row.readings, row.queued, row.total) == ("in_progress", 2, 150, 150)
    [jobs] = desk.rows("SELECT count(*) AS n, count(DISTINCT custom_id) AS names FROM jobs")
    assert (jobs.n, jobs.names) == (150, 150)


def _let_it_be_read_again(desk) -> None:
    with transaction(desk.engine) as connection:
        connection.execute(text("UPDATE batches SET ingest_lease_expires_at = now()"))


def test_a_file_that_the_storage_kept_from_being_read_is_read_when_it_is_back(desk, tmp_path):
    """However often that happens: nothing is wrong with the file."""
    batch_id = desk.submit("list.csv", _csv(("sku", "prompt"), ("s-1", "a cat")))
    [file] = desk.rows("SELECT sha256 FROM files")
    folder = tmp_path / "blobs" / Path(blob_key(file.sha256)).parts[0]
    folder.rename(tmp_path / "gone")
    folder.touch()
    for _ in range(reading.READINGS + 2):
        with pytest.raises(StorageFailed):
            desk.read()
        assert desk.read() == 0, "it is left alone for a moment"
        _let_it_be_read_again(desk)
    folder.unlink()
    (tmp_path / "gone").rename(folder)
    assert desk.read() == 1
    assert desk.batch(batch_id).status == "in_progress"


def test_a_file_whose_readers_die_is_refused_in_the_end(desk):
    batch_id = desk.submit("list.csv", _csv(("sku", "prompt"), ("s-1", "a cat")))
    for _ in range(reading.READINGS):
        with transaction(desk.engine) as connection:
            assert batches.claim_validating(connection, None)
        _let_it_be_read_again(desk)
    assert desk.read() == 0
    row = desk.batch(batch_id)
    assert (row.status, row.problems[0]["code"]) == ("failed", "file_unreadable")


def test_whoever_lets_a_file_go_too_late_takes_it_from_nobody(desk):
    """And its fence is no longer good, though its reading is taken back."""
    batch_id = desk.submit("list.csv", _csv(("sku", "prompt"), ("s-1", "a cat")))
    with transaction(desk.engine) as connection:
        late = batches.claim_validating(connection, None)
    _let_it_be_read_again(desk)
    with transaction(desk.engine) as connection:
        now = batches.claim_validating(connection, None)
    with transaction(desk.engine) as connection:
        intake.let_go(connection, late, timedelta(0))
        intake.hold(connection, now)
        assert batches.claim_validating(connection, None) is None
    with pytest.raises(IngestLost), transaction(desk.engine) as connection:
        intake.hold(connection, late)
    assert (desk.batch(batch_id).readings, now.tries) == (2, 2)


def test_rows_that_take_long_are_committed_and_the_lease_renewed_on_the_way(desk):
    batch_id = desk.submit(
        "list.csv", _csv(("sku", "prompt"), *((f"s-{n}", "a cat") for n in range(SHARE - 1)))
    )
    seen = []

    def look() -> None:
        seen.append(desk.batch(batch_id))

    assert desk.read(Stopwatch(30, look)) == SHARE - 1
    assert 0 < seen[0].total < 30
    assert seen[0].status == "validating"


def _peak(act: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_long_prompts_pass_in_flat_memory(desk, monkeypatch):
    monkeypatch.undo()
    rows = ((f"s-{n}", "猫" * 30_000) for n in range(200))
    desk.submit("list.csv", _csv(("sku", "prompt"), *rows))
    assert _peak(desk.read) < 15_000_000, "of 18 MB"
    assert desk.rows("SELECT count(*) AS n FROM jobs")[0].n == 200


def test_long_values_of_bad_rows_are_not_kept_whole(desk):
    desk.submit("list.jsonl", _jsonl(*({"prompt": "x" * 100_000} for _ in range(500))))
    assert _peak(desk.read) < 10_000_000
    [row] = desk.rows("SELECT problems FROM batches")
    assert {len(problem["value"]) for problem in row.problems} == {200}


def test_a_list_that_is_too_long_names_the_first_row_too_many(desk):
    desk.tools = replace(desk.tools, max_rows=3)
    rows = (("a", "a cat"), ("b", "a dog"), ("c", "a fox"))
    within = desk.submit("list.csv", _csv(("sku", "prompt"), *rows))
    assert desk.read() == 3
    desk.rows("DELETE FROM jobs RETURNING id")
    batch_id = desk.submit("list.csv", _csv(("sku", "prompt"), *rows, ("d", "an owl")))
    desk.read()
    problem = desk.refusal(batch_id)
    assert (problem["code"], problem["line"]) == ("too_many_rows", 5)
    assert "DARKROOM_MAX_ROWS" in problem["message"]
    assert desk.batch(within).status == "in_progress"


def _bomb() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 40_000_000)
    return written.getvalue()


CELL = "x" * 10_000_000
HOSTILE = {
    "latin-1": ("a.csv", lambda: "sku,prompt\na,café\n".encode("latin-1"), "not_utf8", 2),
    "cut utf-16": ("a.csv", lambda: "sku,prompt\na,b\n".encode("utf-16")[:-1], "not_utf8", 2),
    "large cell": ("a.csv", lambda: _csv(("sku", "prompt"), ("a", CELL)), "row_too_long", 2),
    "open quote": (
        "a.csv",
        lambda: b'sku,prompt\na,"b\n' + b"some words, and more of them\n" * 400_000,
        "cell_too_long",
        2,
    ),
    "large prompt": ("a.jsonl", lambda: _jsonl({"prompt": CELL}), "prompt_too_long", 1),
    "ever new columns": (
        "a.jsonl",
        lambda: _jsonl(*({"prompt": "x", f"c{n}": n} for n in range(30_000))),
        "too_many_columns",
        16_384,
    ),
    "bomb": ("a.xlsx", _bomb, "workbook_too_large", None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_one_clear_error_and_little_memory(desk, name):
    filename, make, code, line = HOSTILE[name]
    batch_id = desk.submit(filename, make())
    assert _peak(desk.read) < 50_000_000
    problem = desk.refusal(batch_id)
    assert (problem["code"], problem["line"]) == (code, line)


def test_ten_thousand_columns_are_a_table_like_any_other(desk):
    names = [f"column {n}" for n in range(10_000)]
    row = ["x"] * 10_000
    table = _csv(("sku", "prompt", *names), *((f"s-{n}", "a cat", *row) for n in range(20)))
    desk.submit("list.csv", table)
    assert _peak(desk.read) < 20_000_000
    assert desk.rows("SELECT count(*) AS n FROM jobs")[0].n == 20
