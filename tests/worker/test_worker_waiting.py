"""What a worker says of a night that stands still, and how little it costs to find out whether it goes on."""

from dataclasses import replace

from hands import handed_out
from sqlalchemy import select
from world import World

from darkroom.domain.waiting import WaitingFor
from darkroom.local.ports import free_port
from darkroom.store.session import transaction
from darkroom.store.tables import holdups
from worker.app import boottime
from worker.attempt import attempt
from worker.notice import note
from worker.tools import Tools


def waits_for(reason: WaitingFor):
    return lambda view: reason in [waiting.reason for waiting in view.waiting]


def test_a_provider_that_cannot_be_reached_is_named_and_soon_left_alone(world: World) -> None:
    world.start_worker(OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1")
    batch_id = world.submit([f"Print {number}" for number in range(40)])
    view = world.until_view(
        batch_id, lambda view: waits_for(WaitingFor.PROVIDER)(view) and view.counts.queued == 40
    )
    assert view.waiting[0].since
    assert len(world.attempts()) < 40
    assert {attempt.state for attempt in world.attempts()} == {"not_sent"}


def test_a_disk_that_is_nearly_full_is_named(world: World) -> None:
    world.start_worker(DARKROOM_MAX_IN_FLIGHT="100000000", DARKROOM_WORKERS="10000000")
    batch_id = world.submit(["A print"])
    view = world.until_view(batch_id, waits_for(WaitingFor.DISK_SPACE))
    assert "free some disk" in view.waiting[0].detail
    assert view.counts.queued == 1
    assert view.eta_seconds is None


def test_our_own_rate_limit_is_named(world: World) -> None:
    world.start_worker(DARKROOM_IMAGES_PER_MINUTE="2")
    batch_id = world.submit(["A print", "Another", "A third"])
    view = world.until_view(batch_id, waits_for(WaitingFor.RATE_LIMIT))
    assert "images" in view.waiting[0].detail


def test_what_holds_nobody_up_any_more_is_not_told_any_more(world: World, tools: Tools) -> None:
    """One call that goes through says more than what was written down before it."""
    passed = [0.0]
    tools = replace(tools, stopwatch=lambda: boottime() + passed[0])
    _, [message] = handed_out(world, tools, "A print")
    gone = {WaitingFor.LIMITER, WaitingFor.COOL_DOWN, WaitingFor.PROVIDER}
    for reason in (*gone, WaitingFor.STORAGE):
        note(tools, "default", reason, "it was so")
    passed[0] += 2.0
    assert not attempt(tools, message.job_id, message.token).failed
    with transaction(tools.engine) as connection:
        assert set(connection.execute(select(holdups.c.reason)).scalars()) == {WaitingFor.STORAGE}
