"""A night of 100,000 jobs obeys at once, and never stands in the way of others; with a real worker."""

from collections import Counter
from uuid import UUID

import pytest
from books import agree
from nights import begun, night
from sqlalchemy import func, select
from world import World

from api import control
from darkroom.domain.batch import BatchStatus, PausedReason
from darkroom.store import batches, workers
from darkroom.store.session import transaction

SLOTS = 8


@pytest.fixture
def tools(tools, world: World):
    """For reading files alone: the slots are those of the real worker."""
    with transaction(world.engine) as connection:
        workers.leave(connection, tools.name)
    return tools


def at_work(world: World, calls: int = 3 * SLOTS) -> None:
    """A worker is well into its night."""
    world.sandbox.configure(latency=0.05)
    world.start_worker(DARKROOM_REQUESTS_PER_MINUTE="6000")
    world.sandbox.wait(calls=calls)


def told(world: World, tell, *arguments) -> None:
    with transaction(world.engine) as connection:
        tell(connection, "default", *arguments)


def other_work_is_done(world: World) -> None:
    """The worker lives and makes what it may."""
    assert world.until(world.submit(["A print by day"] * 3)).counts.succeeded == 3


def now(world: World):
    with transaction(world.engine) as connection:
        return connection.execute(select(func.clock_timestamp())).scalar_one()


def overtaken(world: World, since, first: UUID, batch_id: UUID) -> int:
    """How many calls of a batch were begun from then on, and before the last of `first`."""
    rows = [row for row in world.attempts() if row.begun_at >= since]
    end = max(row.begun_at for row in rows if row.batch_id == first)
    return sum(row.batch_id == batch_id and row.begun_at < end for row in rows)


def paused_nothing_of_it_is_begun(world: World, batch_id: UUID) -> None:
    told(world, control.pause, batch_id, PausedReason.REQUESTED)
    before = begun(world, batch_id)
    other_work_is_done(world)
    world.until_view(batch_id, lambda view: not view.counts.dispatched + view.counts.running)
    assert begun(world, batch_id) == before
    agree(world)


def resumed_it_goes_on(world: World, batch_id: UUID) -> None:
    calls = int(str(world.sandbox.totals()["calls"]))
    with transaction(world.engine) as connection:
        assert batches.resume(connection, batch_id)
    world.sandbox.wait(calls=calls + SLOTS)


def cancelled_nothing_of_it_is_begun(world: World, batch_id: UUID) -> None:
    told(world, control.cancel, batch_id)
    before = begun(world, batch_id)
    other_work_is_done(world)
    view = world.until(batch_id)
    assert (view.status, begun(world, batch_id)) == (BatchStatus.CANCELLED, before)
    assert view.counts.cancelled == view.counts.total - len(before)
    agree(world)


def an_urgent_one_overtakes_it(world: World, batch_id: UUID) -> None:
    urgent = world.submit(["An urgent print"] * 2 * SLOTS, more={"priority": 9})
    view = world.until(urgent)
    assert view.counts.succeeded == 2 * SLOTS
    assert overtaken(world, view.in_progress_at, urgent, batch_id) <= 2 * SLOTS


def put_behind_it_lets_others_go_first(world: World, batch_id: UUID) -> None:
    waiting = world.submit(["A print by day"] * 2 * SLOTS, more={"priority": 1})
    world.until_view(waiting, lambda view: view.status == BatchStatus.IN_PROGRESS)
    world.sandbox.wait(calls=int(str(world.sandbox.totals()["calls"])) + 3 * SLOTS)
    assert not begun(world, waiting)
    told(world, control.reprioritise, batch_id, -1)
    since = now(world)
    assert world.until(waiting).counts.succeeded == 2 * SLOTS
    assert overtaken(world, since, waiting, batch_id) <= 2 * SLOTS


@pytest.mark.timeout(300)
def test_a_night_of_a_hundred_thousand_obeys_at_once(world: World, tools) -> None:
    batch_id = night(world, tools, priority=5)
    at_work(world)
    an_urgent_one_overtakes_it(world, batch_id)
    put_behind_it_lets_others_go_first(world, batch_id)
    paused_nothing_of_it_is_begun(world, batch_id)
    resumed_it_goes_on(world, batch_id)
    cancelled_nothing_of_it_is_begun(world, batch_id)


def test_two_projects_on_one_key_share_it(world: World, tools) -> None:
    """One of them with two batches and twenty times the work."""
    shop = [night(world, tools, number=1_000), night(world, tools, number=1_000)]
    press = night(world, tools, number=100, project="press")
    at_work(world, calls=10 * SLOTS)
    served = Counter({"shop": sum(len(begun(world, one)) for one in shop)})
    assert abs(served["shop"] - len(begun(world, press))) <= 2 * SLOTS


def test_one_that_may_not_go_on_holds_up_no_other(world: World, tools) -> None:
    """A batch that was paused, and one whose provider nobody here calls; both go before all others."""
    paused = night(world, tools, number=1_000, priority=1000)
    elsewhere = night(world, tools, number=1_000, priority=1000, provider="elsewhere")
    told(world, control.pause, paused, PausedReason.REQUESTED)
    world.start_worker()
    other_work_is_done(world)
    assert not begun(world, paused) | begun(world, elsewhere)
