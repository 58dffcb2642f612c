"""A provider in trouble: its trouble is nobody's failure, and the night goes on by itself when it is over."""

import signal
from datetime import timedelta

import pytest
from books import agree
from hands import LONG_AGO, due_now
from redis import Redis
from sqlalchemy import update
from world import World

from darkroom.domain.attempt import AttemptState
from darkroom.domain.limit import Limits, PerMinute
from darkroom.limits import Limiter, Memory
from darkroom.local.ports import free_port
from darkroom.store import hints
from darkroom.store.session import transaction
from darkroom.store.tables import jobs

FAST = {"DARKROOM_REQUESTS_PER_MINUTE": "6000"}
KEY = "{darkroom:limits:default}:key"


@pytest.fixture
def limiter(redis_client: Redis) -> Limiter:
    """The worker's own limiter, seen from outside."""
    return Limiter(
        redis_client, "default", Limits(8, PerMinute(requests=6_000)), lambda _: Memory()
    )


def until_open(world: World, batch_id, limiter: Limiter) -> None:
    """Waits until the circuit is open."""

    def opened(_: object) -> bool:
        due_now(world)
        return limiter.known("gpt-image").circuit is not None

    world.until_view(batch_id, opened)


def until_landed(world: World, batch_id, limiter: Limiter) -> None:
    """Waits until every call that was let out has been answered, those included that had not left yet."""
    world.until_view(batch_id, lambda _: limiter.known("gpt-image").in_flight == 0)


def end_span(redis_client: Redis) -> None:
    """The circuit's span is over: the next call is a probe."""
    redis_client.hset(KEY, "circuit:until", 1)


def failures(world: World, batch_id) -> int:
    with transaction(world.engine) as connection:
        rows = connection.execute(jobs.select().where(jobs.c.batch_id == batch_id))
        return max(row.failures for row in rows)


@pytest.mark.timeout(120)
def test_a_storm_of_errors_opens_the_circuit_and_fails_no_job(
    world: World, limiter: Limiter, redis_client: Redis
) -> None:
    storm = {"fault": "server_error", "probability": 1}
    world.sandbox.configure(faults=[storm])
    world.start_worker(**FAST)
    batch_id = world.submit([f"Print {number}" for number in range(20)])
    until_open(world, batch_id, limiter)
    until_landed(world, batch_id, limiter)
    before = world.sandbox.totals()["calls"]
    for probes in (1, 2, 3):
        due_now(world)
        end_span(redis_client)
        world.sandbox.wait(calls=before + probes)
        world.until_view(batch_id, lambda _: limiter.known("gpt-image").circuit > timedelta(0))
        assert world.sandbox.totals()["calls"] == before + probes, "one probe at a time"
    assert world.batch(batch_id).counts.failed == 0
    assert failures(world, batch_id) < 5
    world.sandbox.configure(faults=[])
    end_span(redis_client)
    view = world.until_view(batch_id, lambda view: due_now(world) or view.ended)
    assert view.counts.succeeded == 20
    assert limiter.known("gpt-image").circuit is None
    agree(world)


@pytest.mark.timeout(120)
def test_refused_connections_cost_no_attempt_and_work_resumes_by_itself(
    world: World, limiter: Limiter, redis_client: Redis
) -> None:
    """The worker is first told of an address at which nobody listens."""
    lost = world.start_worker(**FAST, OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1")
    batch_id = world.submit([f"Print {number}" for number in range(12)])
    until_open(world, batch_id, limiter)
    assert {row.state for row in world.attempts()} <= {
        AttemptState.NOT_SENT,
        AttemptState.RUNNING,
    }
    view = world.batch(batch_id)
    assert (view.counts.failed, view.unknown, failures(world, batch_id)) == (0, 0, 0)
    lost.send(signal.SIGTERM)
    assert lost.wait() == 0
    world.start_worker(**FAST)
    end_span(redis_client)
    view = world.until_view(batch_id, lambda view: due_now(world) or view.ended)
    assert (view.counts.succeeded, view.cost.at_risk) == (12, 0)
    assert world.sandbox.totals()["images_billed"] == 12
    agree(world)


def test_a_stray_refusal_delays_its_own_job_only(world: World) -> None:
    world.start_worker(**FAST)
    batch_id = world.submit(
        ["[[fault:stray_429=30*1]] Print", *[f"Print {number}" for number in range(20)]]
    )
    view = world.until_view(batch_id, lambda view: view.counts.succeeded == 20)
    assert (view.counts.queued, view.counts.failed) == (1, 0)
    [waiting] = [job for job in world.jobs(batch_id) if job.state == "queued"]
    assert waiting.custom_id == world.jobs(batch_id)[0].custom_id
    due_now(world)
    assert world.until(batch_id).counts.succeeded == 21
    assert failures(world, batch_id) == 0
    agree(world)


@pytest.mark.timeout(120)
def test_an_emptied_limiter_in_mid_run_lets_out_no_call_beyond_those_in_flight(
    world: World, limiter: Limiter, redis_client: Redis
) -> None:
    world.start_worker(**FAST, DARKROOM_FIRST_CALLS="12")
    batch_id = world.submit([f"[[hold:all]] Print {number}" for number in range(12)])
    world.sandbox.wait(held=8)
    redis_client.flushall()
    with transaction(world.engine) as connection:
        connection.execute(
            update(jobs).where(jobs.c.state == "dispatched").values(ticket_expires_at=LONG_AGO)
        )
        hints.ring(connection)
    world.until_view(batch_id, lambda _: redis_client.hexists(KEY, "born"))
    assert limiter.known("gpt-image").in_flight == 8
    world.sandbox.release("all")
    assert world.until(batch_id).counts.succeeded == 12
    assert world.sandbox.totals()["peak_in_flight"] == 8
    assert world.sandbox.totals()["images_billed"] == 12
    agree(world)
