"""How rows become jobs: in chunks, under a lease, all or none."""

from decimal import Decimal

import orjson
import pytest
from stage import draft

from darkroom.domain.problem import Problem
from darkroom.store import batches, intake, jobs
from darkroom.store.intake import IngestLost
from darkroom.store.session import transaction


@pytest.fixture
def reading(stage):
    """A batch whose file is being read."""
    batch_id = stage.submit()
    assert stage.call(batches.claim_validating, None).id == batch_id
    return batch_id


def test_chunks_are_added_and_opened_at_once(stage, reading):
    stage.call(intake.add_jobs, reading, [draft(2), draft(3)])
    stage.call(intake.add_jobs, reading, [draft(4, bound="0.000000001", priority=-7)])
    assert stage.call(batches.dispatchable, None) == []
    stage.call(intake.accept, reading, ())
    row = stage.batch_row(reading)
    assert (row.status, row.total, row.queued, row.skipped) == ("in_progress", 3, 3, 0)
    assert row.ingest_lease_expires_at is None
    kept = stage.one("SELECT * FROM jobs WHERE line = 4")
    assert (kept.bound, kept.priority, kept.custom_id) == (Decimal("1E-9"), -7, "sku-4")
    stage.assert_books_balance()


@pytest.mark.parametrize("prompt", ["a\tb\nc\\N\\.", "猫 😀", '"quoted", {json}', " " * 3 + "x"])
def test_any_prompt_survives_copy(stage, reading, prompt):
    stage.call(intake.add_jobs, reading, [draft(1, prompt=prompt)])
    assert stage.one("SELECT request FROM jobs").request["prompt"] == prompt


def test_priorities_and_lines_decide_the_order(stage, reading):
    drafts = [draft(1), draft(2, priority=5), draft(3, priority=-1), draft(4, priority=5)]
    stage.call(intake.add_jobs, reading, drafts)
    stage.call(intake.accept, reading, ())
    order = [stage.dispatch(reading, 1)[0].custom_id for _ in drafts]
    assert order == ["sku-2", "sku-4", "sku-1", "sku-3"]


@pytest.mark.parametrize(
    "act",
    [
        lambda connection, batch_id: intake.add_jobs(connection, batch_id, [draft(9)]),
        intake.restart,
        lambda connection, batch_id: intake.accept(connection, batch_id, ()),
        lambda connection, batch_id: intake.refuse(connection, batch_id, ()),
    ],
)
def test_a_reader_learns_that_the_batch_was_cancelled(stage, reading, act):
    stage.call(batches.cancel, reading)
    with pytest.raises(IngestLost), transaction(stage.engine) as connection:
        act(connection, reading)
    assert stage.batch_row(reading).status == "cancelling"
    stage.assert_books_balance()


def test_a_refused_batch_says_why_whatever_stood_in_the_cell(stage, reading):
    """A NUL and half a surrogate pair are no text to Postgres, and often the very thing that is wrong."""
    cruel = "a\0b\ud800c"
    problem = Problem("value_not_allowed", f"{cruel} is wrong", 3, f"size{cruel}", cruel * 100)
    stage.call(intake.refuse, reading, [problem])
    row = stage.batch_row(reading)
    assert (row.status, row.total) == ("failed", 0)
    [kept] = row.problems
    assert (kept["code"], kept["line"]) == ("value_not_allowed", 3)
    assert kept["value"].startswith("a")
    assert len(kept["value"]) <= 200
    assert orjson.dumps(kept)


def test_skipped_rows_are_counted_by_line(stage, reading):
    stage.call(intake.add_jobs, reading, [draft(1)])
    problems = [Problem("a", "b", 2), Problem("c", "d", 2), Problem("e", "f", 5)]
    stage.call(intake.accept, reading, problems)
    row = stage.batch_row(reading)
    assert (row.skipped, [problem["line"] for problem in row.problems]) == (2, [2, 2, 5])


def test_a_second_reader_forgets_what_the_first_left(stage, reading):
    stage.call(intake.add_jobs, reading, [draft(line) for line in range(1, 6)])
    with transaction(stage.engine) as connection:
        assert intake.forget_jobs(connection, reading, 3) == 3
        intake.restart(connection, reading)
    stage.assert_books_balance()
    stage.call(batches.cancel, reading)
    assert stage.call(jobs.cancel, reading, 100) == 2
    stage.assert_books_balance()


def test_a_reader_that_gives_up_leaves_the_file_to_the_next(stage, reading):
    stage.call(intake.let_go, reading)
    assert stage.call(batches.claim_validating, None).id == reading


def test_a_chunk_renews_the_lease(stage, reading):
    stage.sql("UPDATE batches SET ingest_lease_expires_at = now() - interval '1 s'")
    stage.call(intake.add_jobs, reading, [draft(1)])
    assert stage.call(batches.claim_validating, None) is None
