"""The end of batches: what must no longer be begun is swept a little at a time, of all of them."""

from uuid import UUID

import pytest
from books import agree
from hands import handed_out
from sqlalchemy import event
from world import World

from api import control
from api.refusals import Conflict
from darkroom.domain.batch import BatchStatus, PausedReason
from darkroom.store import batches, endings
from darkroom.store.session import StoreBusy, transaction
from worker import finalize as finalizing
from worker.attempt import attempt
from worker.finalize import finalize
from worker.ingest import ingest
from worker.tools import Tools

SHARE = 4


@pytest.fixture
def cancelled(world: World, tools: Tools, monkeypatch) -> list[UUID]:
    """Three batches of six jobs that are to be swept, four jobs at a time."""
    monkeypatch.setattr(finalizing, "CHUNK", SHARE)
    ids = [world.submit(["A print"] * 6) for _ in range(3)]
    for batch_id in ids:
        assert ingest(tools)
        with transaction(world.engine) as connection:
            assert batches.cancel(connection, batch_id)
    return ids


def swept(world: World, ids: list[UUID]) -> list[int]:
    return [world.batch(batch_id).counts.cancelled for batch_id in ids]


def test_a_chunk_is_shared_by_all_batches_and_the_clock_comes_back(
    world: World, tools: Tools, cancelled: list[UUID]
) -> None:
    tools.wake.wait(0)
    assert finalize(tools) == SHARE
    assert swept(world, cancelled) == [2, 2, 0]
    assert tools.wake.wait(0)
    for _ in range(5):
        finalize(tools)
    assert swept(world, cancelled) == [6, 6, 6]
    assert {world.batch(one).status for one in cancelled} == {BatchStatus.CANCELLED}
    agree(world)


def test_a_batch_that_somebody_holds_keeps_back_none_before_it(
    world: World, tools: Tools, cancelled: list[UUID]
) -> None:
    """What was swept of the others is committed."""
    at_once = "SET LOCAL lock_timeout = 1"
    event.listen(tools.engine, "begin", lambda connection: connection.exec_driver_sql(at_once))
    with transaction(world.engine) as holder:
        batches.reprioritise(holder, cancelled[1], 5)
        with pytest.raises(StoreBusy):
            finalize(tools)
    assert swept(world, cancelled) == [2, 0, 0]


def test_a_batch_that_a_worker_left_finalizing_is_ended_by_the_next_and_takes_no_other_word(
    world: World, tools: Tools
) -> None:
    batch_id, [message] = handed_out(world, tools, "A print")
    assert not attempt(tools, message.job_id, message.token).failed
    with transaction(world.engine) as connection:
        assert endings.finalize(connection) == 1
    for say in (lambda *it: control.pause(*it, PausedReason.REQUESTED), control.cancel):
        with pytest.raises(Conflict) as told, transaction(world.engine) as connection:
            say(connection, "default", batch_id)
        assert told.value.code == "batch_finalizing"
    assert finalize(tools) == 1
    view = world.batch(batch_id)
    assert (view.status, view.images, view.paused_reason) == (BatchStatus.COMPLETED, 1, None)
    agree(world)
