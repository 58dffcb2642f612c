"""One worker process, two providers: what one of them meets does not touch the other."""

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update
from world import Sandbox, World

from darkroom.domain.batch import BatchStatus, PausedReason
from darkroom.store import batches, hints, providers
from darkroom.store.session import transaction
from darkroom.store.tables import jobs


@pytest.fixture
def relay(tmp_path) -> Iterator[Sandbox]:
    folder = tmp_path / "relay"
    folder.mkdir()
    sandbox = Sandbox.start(folder)
    yield sandbox
    sandbox.close()


def serving(world: World, relay: Sandbox, **section: object):
    """A worker that calls both: the usual provider of the world, and the relay."""
    table = {"base_url": relay.url, "key_env": "RELAY_KEY", "max_in_flight": 4, **section}
    return world.start_worker(DARKROOM_PROVIDERS=json.dumps({"relay": table}), RELAY_KEY="sk-relay")


def resume(world: World, batch_id: UUID) -> None:
    """As the API does it, with nothing left to wait for."""
    with transaction(world.engine) as connection:
        providers.resume(connection, batch_id)
        batches.resume(connection, batch_id)
        connection.execute(update(jobs).values(due_at=jobs.c.due_at - timedelta(hours=1)))
        hints.ring(connection)


def test_each_batch_is_drawn_by_its_own_provider_with_that_ones_key(world, relay):
    world.sandbox.configure(api_key="sk-of-the-test")
    relay.configure(api_key="sk-relay")
    serving(world, relay)
    usual = world.submit(["a", "b"])
    relayed = world.submit(["c"], provider="relay")
    assert world.until(usual).counts.succeeded == 2
    assert world.until(relayed).counts.succeeded == 1
    assert [call["prompt"] for call in relay.calls()] == ["c"]
    assert len(world.sandbox.calls()) == 2
    assert {attempt.provider for attempt in world.attempts()} == {"default", "relay"}


def test_a_row_is_checked_by_what_its_own_provider_takes(world, relay):
    serving(world, relay, profile="new-api")
    rows = [{"prompt": "c", "thinking": "high"}]
    relayed = world.submit(rows, provider="relay")
    assert world.until(relayed).status is BatchStatus.COMPLETED
    assert world.jobs(relayed)[0].request["thinking"] == "high"
    refused = world.until(world.submit(rows))
    assert refused.status is BatchStatus.FAILED
    assert refused.problems[0]["column"] == "thinking"


def test_a_key_that_is_refused_holds_up_its_own_provider_only(world, relay):
    relay.configure(api_key="sk-another")
    worker = serving(world, relay)
    relayed = world.submit(["a", "b", "c"], provider="relay")
    paused = world.until_view(relayed, lambda view: view.paused_reason is not None)
    assert paused.paused_reason == PausedReason.PROVIDER_KEY
    said = worker.saw("pause_key")
    assert "relay" in said
    assert "sk-relay" not in "".join(worker.lines)
    usual = world.submit(["a", "b", "c"])
    assert world.until(usual).counts.succeeded == 3
    assert world.batch(relayed).counts.failed == 0


def test_after_a_resume_one_call_goes_out_and_the_others_when_it_has_brought_an_image(world, relay):
    relay.configure(api_key="sk-another")
    serving(world, relay)
    relayed = world.submit([f"[[hold:gate]] {n}" for n in range(6)], provider="relay")
    world.until_view(relayed, lambda view: view.paused_reason and view.counts.queued == 6)
    refused = len(relay.calls())
    resume(world, relayed)
    world.until_view(relayed, lambda view: view.paused_reason and view.counts.queued == 6)
    assert len(relay.calls()) == refused + 1
    relay.configure(api_key="sk-relay")
    resume(world, relayed)
    relay.wait(held=1)
    assert world.batch(relayed).counts.dispatched == 0
    assert world.batch(relayed).counts.running == 1
    relay.release("gate")
    assert world.until(relayed).counts.succeeded == 6


def test_a_provider_that_is_slow_does_not_sit_on_the_slots_of_another(world, relay):
    serving(world, relay, max_in_flight=2)
    slow = world.submit([f"[[hold:gate]] {n}" for n in range(30)])
    world.sandbox.wait(held=8)
    quick = world.submit([str(n) for n in range(12)], provider="relay")
    assert world.until(quick).counts.succeeded == 12
    assert world.sandbox.totals()["calls"] == 8
    world.sandbox.release("gate")
    assert world.until(slow).counts.succeeded == 30


def test_the_deadline_is_that_of_the_quality_and_size(world, relay):
    serving(world, relay, request_timeout=600, timeouts={"low 1536x1024": 0.5})
    batch_id = world.submit(["[[hold:other]] patient"], provider="relay")
    relay.wait(held=1)
    world.submit([{"prompt": "[[hold:gate]] slow", "size": "1536x1024"}], provider="relay")
    with world.listening() as listener:
        while not any(attempt.state == "unknown" for attempt in world.attempts()):
            listener.wait(0.25)
    assert world.batch(batch_id).counts.running == 1
    relay.release("other")
    assert world.until(batch_id).counts.succeeded == 1


def test_a_worker_without_a_key_that_it_is_to_use_says_where_it_should_be(world, relay):
    table = {"base_url": relay.url, "key_env": "RELAY_KEY"}
    bad = world.launch_worker(DARKROOM_PROVIDERS=json.dumps({"relay": table}))
    assert bad.wait() != 0
    bad.saw("RELAY_KEY is not set; export it")
