"""Why a batch does not go on: told by the record and by the workers, for as long as it is true."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from stage import LATER, draft, failed

from darkroom.domain.waiting import WaitingFor
from darkroom.store import batches, holdups, insights, workers

PROVIDER = "default"


@pytest.fixture
def staffed(stage):
    """A worker that takes everything."""
    stage.call(workers.beat, "w1", 8, [PROVIDER])


def _waiting(stage, batch_id):
    return stage.call(insights.batch, "default", batch_id).waiting


def _reasons(stage, batch_id):
    return [one.reason for one in _waiting(stage, batch_id)]


def _time_passes(stage, seconds: int) -> None:
    """Moves everything that is written down about holdups into the past, so that nobody has to wait."""
    stage.sql(
        "UPDATE holdups SET since = since - make_interval(secs => :s), until = until - make_interval(secs => :s),"
        " seen_at = seen_at - make_interval(secs => :s)",
        s=seconds,
    )


@pytest.mark.usefixtures("staffed")
def test_a_batch_that_goes_on_waits_for_nothing(stage):
    assert _reasons(stage, stage.batch(2)) == []
    assert _reasons(stage, stage.submit()) == []


@pytest.mark.parametrize("make", ["submit", "batch"])
def test_without_a_worker_it_waits_for_one(stage, make):
    batch_id = getattr(stage, make)()
    assert _reasons(stage, batch_id) == [WaitingFor.WORKER]
    stage.call(workers.beat, "w1", 8, [PROVIDER])
    assert _reasons(stage, batch_id) == []
    stage.sql("UPDATE workers SET seen_at = now() - interval '1 min'")
    assert _reasons(stage, batch_id) == [WaitingFor.WORKER]


def test_workers_that_do_not_take_it_are_none(stage):
    stage.call(workers.beat, "w1", 8, ["sandbox"])
    [waiting] = _waiting(stage, stage.batch())
    assert waiting.reason is WaitingFor.WORKER
    assert "default" in waiting.detail
    stage.call(workers.beat, "w1", 8, [PROVIDER], "another run")
    [waiting] = _waiting(stage, stage.batch(focus="this run"))
    assert "another run" in waiting.detail


def test_a_worker_that_takes_nothing_new_is_still_a_worker(stage):
    stage.call(workers.beat, "w1", 8, [PROVIDER])
    stage.call(workers.rest, "w1")
    assert stage.call(workers.slots) == 0
    assert _reasons(stage, stage.batch()) == []


@pytest.mark.usefixtures("staffed")
def test_a_paused_batch_waits_for_a_person_and_says_why(stage):
    batch_id = stage.batch()
    stage.call(batches.pause, batch_id, "budget", "no room for $1")
    [waiting] = _waiting(stage, batch_id)
    assert (waiting.reason, waiting.detail) == (WaitingFor.PERSON, "no room for $1")


@pytest.mark.usefixtures("staffed")
def test_a_batch_whose_jobs_all_wait_says_until_when(stage):
    batch_id = stage.batch(1)
    [message] = stage.dispatch(batch_id)
    stage.settle(stage.begin(message), failed(), LATER)
    [waiting] = _waiting(stage, batch_id)
    assert waiting.reason is WaitingFor.DUE_TIME
    due = stage.one("SELECT due_at FROM jobs WHERE batch_id = :id", id=batch_id).due_at
    assert waiting.until == due


@pytest.mark.usefixtures("staffed")
def test_what_a_worker_notes_holds_while_it_is_repeated(stage):
    batch_id, other = stage.batch(), stage.batch(provider="another")
    stage.call(workers.beat, "w2", 8, ["another"])
    stage.call(holdups.note, PROVIDER, WaitingFor.DISK_SPACE, "7 bytes are free")
    [first] = _waiting(stage, batch_id)
    assert (first.reason, first.detail) == (WaitingFor.DISK_SPACE, "7 bytes are free")
    assert _waiting(stage, other) == ()
    stage.call(holdups.note, PROVIDER, WaitingFor.DISK_SPACE, "6 bytes are free")
    [second] = _waiting(stage, batch_id)
    assert (second.since, second.detail) == (first.since, "6 bytes are free")
    _time_passes(stage, 60)
    assert _waiting(stage, batch_id) == ()
    stage.call(holdups.note, PROVIDER, WaitingFor.DISK_SPACE, "5 bytes are free")
    [third] = _waiting(stage, batch_id)
    assert third.since > second.since


@pytest.mark.usefixtures("staffed")
def test_what_is_over_is_told_no_longer_and_nobody_waited_before_he_came(stage):
    stage.call(holdups.note, PROVIDER, WaitingFor.LIMITER, "it does not answer")
    stage.call(holdups.note, PROVIDER, WaitingFor.COOL_DOWN, "slow down", timedelta(minutes=1))
    _time_passes(stage, 15)
    batch_id = stage.batch()
    born = stage.call(insights.batch, "default", batch_id).created_at
    assert [one.since for one in _waiting(stage, batch_id)] == [born, born]
    stage.call(holdups.end, PROVIDER, [WaitingFor.LIMITER])
    assert _reasons(stage, batch_id) == [WaitingFor.COOL_DOWN]


@pytest.mark.usefixtures("staffed")
def test_a_cool_down_holds_until_it_is_over_and_the_gravest_comes_first(stage):
    batch_id = stage.batch()
    rest = timedelta(seconds=90)
    stage.call(holdups.note, PROVIDER, WaitingFor.COOL_DOWN, "slow down", rest)
    stage.call(holdups.note, PROVIDER, WaitingFor.LIMITER, "it does not answer")
    grave, waiting = _waiting(stage, batch_id)
    assert (grave.reason, waiting.reason) == (WaitingFor.LIMITER, WaitingFor.COOL_DOWN)
    assert waiting.until - waiting.since == pytest.approx(rest, abs=timedelta(seconds=1))
    _time_passes(stage, 60)
    assert _reasons(stage, batch_id) == [WaitingFor.COOL_DOWN]
    _time_passes(stage, 60)
    assert _waiting(stage, batch_id) == ()


@pytest.mark.usefixtures("staffed")
def test_particular_words_stay_while_they_hold_and_general_ones_follow(stage):
    batch_id = stage.batch()
    stage.call(holdups.note, PROVIDER, WaitingFor.PROVIDER, "connection refused")
    minute = timedelta(minutes=1)
    for detail in ("connection refused", "in trouble"):
        stage.call(holdups.note, PROVIDER, WaitingFor.PROVIDER, "in trouble", minute, general=True)
        [waiting] = _waiting(stage, batch_id)
        assert waiting.detail == detail
        assert waiting.until > waiting.since
        _time_passes(stage, 120)


def test_the_list_takes_no_more_statements_than_one_batch(stage):
    def statements() -> int:
        seen = []
        with stage.engine.connect() as connection:
            note = lambda *call: seen.append(call[2])  # noqa: E731
            event.listen(connection, "before_cursor_execute", note)
            insights.page(connection, "default", 100)
            event.remove(connection, "before_cursor_execute", note)
        return len(seen)

    stage.batch(2)
    few = statements()
    for _ in range(20):
        stage.batch([draft(line) for line in (2, 3)])
    assert statements() == few <= 6
