"""A batch makes its calls within its window and before its deadline; with real workers and a real database."""

from datetime import timedelta

from books import agree
from sqlalchemy import func, select, update
from world import World

from darkroom.domain.batch import BatchStatus
from darkroom.domain.job import JobState
from darkroom.domain.window import Window
from darkroom.store import jobs, windows
from darkroom.store.session import transaction
from darkroom.store.tables import batches
from worker.attempt import attempt
from worker.dispatch import dispatch
from worker.ingest import ingest


def now_of(world: World):
    with transaction(world.engine) as connection:
        return connection.execute(select(func.clock_timestamp())).scalar_one()


def window_from(world: World, hours: int) -> Window:
    """A window of two hours that begins so many hours from now."""
    begins = now_of(world) + timedelta(hours=hours)
    return Window.parse(f"{begins:%H:%M}-{begins + timedelta(hours=2):%H:%M}", "UTC")


def changed(world: World, batch_id, **columns) -> None:
    with transaction(world.engine) as connection:
        connection.execute(update(batches).where(batches.c.id == batch_id).values(**columns))


def test_a_batch_waits_for_its_window_and_goes_on_by_itself(world: World) -> None:
    window = window_from(world, hours=3)
    shut = world.submit(["A print by night"] * 3, more={"window": window})
    world.start_worker()
    assert world.until(world.submit(["A print by day"])).counts.succeeded == 1
    view = world.batch(shut)
    assert (view.status, view.counts.queued) == (BatchStatus.IN_PROGRESS, 3)
    assert view.outlook.hours == window.hours
    assert view.outlook.waits_until == window.opening(now_of(world)).opens
    assert {row.batch_id for row in world.attempts()}.isdisjoint({shut})
    changed(world, shut, hours=window_from(world, hours=-1).hours, closes_at=None)
    view = world.until(shut)
    assert (view.counts.succeeded, view.outlook.waits_until) == (3, None)
    agree(world)


def test_what_was_handed_out_as_the_window_closed_is_not_begun(world: World, tools) -> None:
    batch_id = world.submit(["A print", "Another"], more={"window": window_from(world, hours=-1)})
    assert ingest(tools)
    assert dispatch(tools) == 2
    with transaction(world.engine) as connection:
        opening = connection.execute(select(batches.c.opens_at, batches.c.closes_at)).one()
        tickets = connection.execute(select(jobs.jobs.c.id, jobs.jobs.c.token)).all()
    assert opening.opens_at < now_of(world) < opening.closes_at
    changed(world, batch_id, closes_at=now_of(world))
    first, second = (attempt(tools, *ticket).text for ticket in tickets)
    assert "its batch makes no new call" in first
    assert "its batch makes no new call" in second
    assert world.attempts() == []
    with transaction(world.engine) as connection:
        assert windows.roll(connection) == 1
        assert windows.roll(connection) == 0


def test_a_window_that_closes_between_the_ticket_and_the_begin_refuses(
    world: World, tools, monkeypatch
) -> None:
    batch_id = world.submit(["A print"], more={"window": window_from(world, hours=-1)})
    assert ingest(tools)
    assert dispatch(tools) == 1
    with transaction(world.engine) as connection:
        [ticket] = connection.execute(select(jobs.jobs.c.id, jobs.jobs.c.token)).all()
    ask = tools.tellers.tickets.ask

    def closing(handed):
        found = ask(handed)
        changed(world, batch_id, closes_at=now_of(world))
        return found

    monkeypatch.setattr(tools.tellers.tickets, "ask", closing)
    assert "its batch makes no new call" in attempt(tools, *ticket).text
    assert (world.attempts(), world.sandbox.totals()["calls"]) == ([], 0)


def test_what_cannot_begin_in_time_expires_unsent_and_is_told_of_before(world: World) -> None:
    """The deadline is put behind what is made so far, as the clock would."""
    world.start_worker(DARKROOM_REQUESTS_PER_MINUTE="120")
    deadline = now_of(world) + timedelta(seconds=30)
    batch_id = world.submit(["A print"] * 1000, more={"deadline_at": deadline})
    view = world.until_view(batch_id, lambda view: view.outlook.will_expire)
    assert 500 < view.outlook.will_expire < 1000
    changed(world, batch_id, deadline_at=now_of(world))
    view = world.until(batch_id)
    assert view.status == BatchStatus.EXPIRED
    assert view.counts.expired + view.counts.succeeded == view.counts.total
    assert view.counts.succeeded == len(world.attempts()) == world.sandbox.totals()["calls"]
    assert all(job.cost == 0 for job in world.jobs(batch_id) if job.state is JobState.EXPIRED)
    agree(world)
