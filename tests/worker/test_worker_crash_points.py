"""A crash before each outside action of an attempt, one after the other; whatever it leaves repairs itself."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from books import agree
from celery import Celery
from sqlalchemy import func, select, update
from world import ROOT, World

from darkroom.domain.job import JobState
from darkroom.settings import Settings
from darkroom.store import jobs as store_jobs
from darkroom.store import workers
from darkroom.store.session import transaction
from darkroom.store.tables import attempts, batches, jobs
from worker import receipts
from worker.app import build_tools
from worker.attempt import attempt
from worker.ingest import ingest
from worker.inherit import inherit
from worker.reap import reap
from worker.tools import Tools

LONG_AGO = "2026-01-01T00:00:00Z"
MOST_ACTIONS = 60


def settings(world: World) -> dict[str, str]:
    return {
        "DARKROOM_DATABASE_URL": world.database_url,
        "DARKROOM_REDIS_URL": world.redis_url,
        "DARKROOM_STORAGE_URL": world.storage_url,
        "DARKROOM_SPOOL": str(world.spool),
        "DARKROOM_REQUESTS_PER_MINUTE": "60000",
        "OPENAI_BASE_URL": world.sandbox.url,
        "OPENAI_API_KEY": "sk-of-the-test",
    }


@pytest.fixture
def tools(world: World, monkeypatch) -> Iterator[Tools]:
    """A worker that outlives the others; it need not wait for leases to count."""
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: store_jobs.TICKET * 2)
    for name, value in settings(world).items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        app = stack.enter_context(Celery("test", broker=world.redis_url, set_as_current=False))
        made = build_tools(Settings(), app)
        stack.callback(made.engine.dispose)
        with transaction(made.engine) as connection:
            workers.beat(connection, made.name, made.slots)
        yield made
        for upstream in made.upstreams.values():
            upstream.client().close()
            upstream.limiter._script.registered_client.close()


@pytest.fixture
def doomed(tools: Tools) -> Iterator[subprocess.Popen]:
    """Dies at will; it inherits the settings of the test."""
    argv = (sys.executable, "-m", "tests.crash_point")
    process = subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def handed_out(tools: Tools, batch_id) -> list:
    with transaction(tools.engine) as connection:
        connection.execute(
            update(jobs).where(jobs.c.state == JobState.QUEUED).values(due_at=LONG_AGO)
        )
        return store_jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)


def time_runs_out(tools: Tools) -> None:
    """Thirty seconds without a word: the ticket lapses, the lease is lost, the permit's place is free."""
    with transaction(tools.engine) as connection:
        connection.execute(
            update(jobs)
            .where(jobs.c.state == JobState.DISPATCHED)
            .values(ticket_expires_at=LONG_AGO)
        )
        connection.execute(
            update(attempts).where(attempts.c.state == "running").values(lease_expires_at=LONG_AGO)
        )
    reap(tools)


def repaired(world: World, tools: Tools, batch_id) -> None:
    """As often as it takes: what was left is cleared up, handed out again, and handled by a worker that lives."""
    for _ in range(3):
        time_runs_out(tools)
        for message in handed_out(tools, batch_id):
            attempt(tools, message.job_id, message.token)
        while tools.estate.attempts():
            inherit(tools)
    assert [job.state for job in world.jobs(batch_id)] == [JobState.SUCCEEDED]


def books_balance(world: World, batch_id) -> None:
    """What a batch counts is what its attempts say, and nothing stays reserved."""
    with transaction(world.engine) as connection:
        spent = connection.execute(
            select(func.coalesce(func.sum(attempts.c.cost), 0)).where(
                attempts.c.batch_id == batch_id, attempts.c.state != "unknown"
            )
        ).scalar_one()
        row = connection.execute(select(batches).where(batches.c.id == batch_id)).one()
    assert row.spent == spent
    assert world.batch(batch_id).cost.spent == spent


def calls_of(world: World, prompt: str) -> list:
    return [call for call in world.sandbox.calls() if call["prompt"] == prompt]


@pytest.mark.timeout(180)
def test_a_crash_at_every_point_of_an_attempt_repairs_itself(
    world: World, tools: Tools, doomed: subprocess.Popen
) -> None:
    fates = []
    for number in range(1, MOST_ACTIONS):
        prompt = f"Print {number}"
        batch_id = world.submit([prompt])
        assert ingest(tools)
        [message] = handed_out(tools, batch_id)
        doomed.stdin.write(f"{message.job_id} {message.token} {number}\n")
        doomed.stdin.flush()
        fate = doomed.stdout.readline().strip()
        called = len(calls_of(world, prompt))
        rows = [row for row in world.attempts() if row.batch_id == batch_id]
        arrived = any(row.state == "succeeded" or receipts.find(tools, row.id) for row in rows)
        repaired(world, tools, batch_id)
        view = world.batch(batch_id)
        again = len(calls_of(world, prompt)) - called
        assert again == 0 if arrived else again == 1
        assert view.unknown <= 1
        if not rows:
            assert (called, again, view.unknown) == (0, 1, 0), "nothing begun, nothing lost"
        books_balance(world, batch_id)
        fates.append((called, again, arrived))
        if fate != "died":
            break
    assert fate == "ended 0"
    assert {(0, 1, False), (1, 1, False), (1, 0, True)} <= set(fates), fates
    agree_but_for_the_unsent(world)


def agree_but_for_the_unsent(world: World) -> None:
    """A worker that dies between its row and the socket leaves an unknown that the provider never saw."""
    seen = {call["client_request_id"] for call in world.sandbox.calls()}
    agree(world, unseen={row.id.hex for row in world.attempts() if row.state == "unknown"} - seen)
