"""How rows become jobs: in chunks, under a lease, all or none."""

from dataclasses import replace
from decimal import Decimal

import orjson
import pytest
from stage import draft

from darkroom.domain.problem import Problem
from darkroom.store import batches, intake, jobs, queues
from darkroom.store.intake import IngestLost
from darkroom.store.session import transaction


@pytest.fixture
def reading(stage):
    """A batch whose file is being read."""
    batch_id = stage.submit()
    claim = stage.call(batches.claim_validating, None)
    assert claim.id == batch_id
    return claim


def test_chunks_are_added_and_opened_at_once(stage, reading):
    stage.call(intake.add_jobs, reading, [draft(2), draft(3)])
    stage.call(intake.add_jobs, reading, [draft(4, bound="0.000000001", priority=-7)])
    assert stage.call(queues.dispatchable, "default", None) == []
    stage.call(intake.accept, reading, ())
    row = stage.batch_row(reading.id)
    assert (row.status, row.total, row.queued, row.skipped) == ("in_progress", 3, 3, 0)
    assert row.ingest_lease_expires_at is None
    kept = stage.one("SELECT * FROM jobs WHERE line = 4")
    assert (kept.bound, kept.priority, kept.custom_id) == (Decimal("1E-9"), -7, "sku-4")
    stage.assert_books_balance()


@pytest.mark.parametrize("prompt", ["a\tb\nc\\N\\.", "猫 😀", '"quoted", {json}', " " * 3 + "x"])
def test_any_prompt_survives_copy(stage, reading, prompt):
    stage.call(intake.add_jobs, reading, [draft(1, prompt=prompt)])
    assert stage.one("SELECT request FROM jobs").request["prompt"] == prompt


@pytest.mark.parametrize(
    "custom_id", ["\\N", "a\tb\nc\rd\\.", "\\.", "\\x41", "\v\f\b", "猫", "é'\""]
)
def test_any_custom_id_survives_copy(stage, reading, custom_id):
    stage.call(intake.add_jobs, reading, [replace(draft(1), custom_id=custom_id)])
    assert stage.one("SELECT custom_id FROM jobs").custom_id == custom_id


def test_drafts_that_cannot_be_made_leave_nothing(stage, reading):
    def drafts():
        yield from map(draft, range(1_000))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction(stage.engine) as connection:
        intake.add_jobs(connection, reading, drafts())
    assert stage.one("SELECT count(*) AS n FROM jobs").n == 0
    assert stage.batch_row(reading.id).total == 0


def test_priorities_and_lines_decide_the_order(stage, reading):
    drafts = [draft(1), draft(2, priority=5), draft(3, priority=-1), draft(4, priority=5)]
    stage.call(intake.add_jobs, reading, drafts)
    stage.call(intake.accept, reading, ())
    order = [stage.dispatch(reading.id, 1)[0].custom_id for _ in drafts]
    assert order == ["sku-2", "sku-4", "sku-1", "sku-3"]


@pytest.mark.parametrize(
    "act",
    [
        lambda connection, claim: intake.add_jobs(connection, claim, [draft(9)]),
        intake.hold,
        lambda connection, claim: intake.forget_jobs(connection, claim, 10),
        lambda connection, claim: intake.accept(connection, claim, ()),
        lambda connection, claim: intake.refuse(connection, claim, ()),
    ],
)
def test_a_reader_learns_that_the_batch_was_cancelled(stage, reading, act):
    stage.call(batches.cancel, reading.id)
    with pytest.raises(IngestLost), transaction(stage.engine) as connection:
        act(connection, reading)
    assert stage.batch_row(reading.id).status == "cancelling"
    stage.assert_books_balance()


def test_a_refused_batch_says_why_whatever_stood_in_the_cell(stage, reading):
    """A NUL and half a surrogate pair are no text to Postgres, and often the very thing that is wrong."""
    cruel = "a\0b\ud800c"
    problem = Problem("value_not_allowed", f"{cruel} is wrong", 3, f"size{cruel}", cruel * 100)
    stage.call(intake.refuse, reading, [problem])
    row = stage.batch_row(reading.id)
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
    row = stage.batch_row(reading.id)
    assert (row.skipped, [problem["line"] for problem in row.problems]) == (2, [2, 2, 5])


def test_a_second_reader_forgets_what_the_first_left(stage, reading):
    stage.call(intake.add_jobs, reading, [draft(line) for line in range(1, 6)])
    with transaction(stage.engine) as connection:
        assert intake.forget_jobs(connection, reading, 3) == 3
    stage.assert_books_balance()
    stage.call(batches.cancel, reading.id)
    assert stage.call(jobs.cancel, reading.id, 100) == 2
    stage.assert_books_balance()


def test_a_reader_that_was_superseded_can_change_nothing_any_more(stage, reading):
    stage.call(intake.add_jobs, reading, [draft(1), draft(2)])
    stage.sql("UPDATE batches SET ingest_lease_expires_at = now() - interval '1 s'")
    second = stage.call(batches.claim_validating, None)
    assert second.id == reading.id
    for act in (intake.hold, lambda c, claim: intake.add_jobs(c, claim, [draft(3)])):
        with pytest.raises(IngestLost), transaction(stage.engine) as connection:
            act(connection, reading)
    with pytest.raises(IngestLost), transaction(stage.engine) as connection:
        intake.forget_jobs(connection, reading, 10)
    with pytest.raises(IngestLost), transaction(stage.engine) as connection:
        intake.accept(connection, reading, ())
    stage.call(intake.forget_jobs, second, 10)
    stage.call(intake.add_jobs, second, [draft(1), draft(2)])
    stage.call(intake.accept, second, ())
    row = stage.batch_row(reading.id)
    assert (row.total, row.queued) == (2, 2)
    stage.assert_books_balance()


def test_a_chunk_renews_the_lease(stage, reading):
    stage.sql("UPDATE batches SET ingest_lease_expires_at = now() - interval '1 s'")
    stage.call(intake.add_jobs, reading, [draft(1)])
    assert stage.call(batches.claim_validating, None) is None
