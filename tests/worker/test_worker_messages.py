"""The broker is a doorbell: messages that are lost, doubled, out of order, or none of ours do no harm."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from books import agree
from celery import Celery
from kombu import pools
from redis import Redis
from sqlalchemy import update
from world import World

from darkroom.domain.job import JobState
from darkroom.domain.thrift import Thrift
from darkroom.store import workers
from darkroom.store.jobs import Dispatched
from darkroom.store.session import transaction
from darkroom.store.tables import jobs
from worker.broker import configuration
from worker.dispatch import dispatch
from worker.ingest import ingest
from worker.tasks import ATTEMPT, publisher
from worker.tools import Tools

GARBAGE = {
    "no arguments": [],
    "too few": [1],
    "too many": [1, 1, "sku", "a cat", "more"],
    "a name for a number": ["one", 1, "sku", "a cat"],
    "no number": [None, None, None, None],
    "a list for a number": [[1], {"a": 1}, "sku", "a cat"],
    "a number of no job": [999_999, 1, "sku", "a cat"],
    "a number too large for the table": [2**70, 1, "sku", "a cat"],
    "a token too large for the table": [1, 2**70, "sku", "a cat"],
    "less than nothing": [-1, -1, "sku", "a cat"],
    "a fraction": [1.5, 1.5, "sku", "a cat"],
}


@pytest.fixture
def app(redis_url: str):
    with Celery("stranger", set_as_current=False) as made:
        made.conf.update(configuration(redis_url, slots=1))
        yield made
        made.pool.force_close_all()
        pools.reset()


def test_garbage_is_refused_and_the_next_message_is_served(
    world: World, app: Celery, redis_client
) -> None:
    for arguments in GARBAGE.values():
        app.send_task(ATTEMPT, args=arguments)
    app.send_task(ATTEMPT, kwargs={"job_id": 1})
    app.send_task("darkroom.unheard_of", args=[1, 1])
    worker = world.start_worker()
    view = world.until(world.submit(["A print", "Another print"]))
    assert view.counts.succeeded == 2
    assert world.sandbox.totals()["calls"] == 2
    agree(world)
    assert redis_client.llen("darkroom:attempts") == 0
    worker.saw("darkroom.unheard_of")


def test_what_flower_shows_of_a_message_turns_no_text_around_it(app: Celery, redis_client) -> None:
    publisher(app)([Dispatched(1, 1, "mug\u202egpj", "A \u2066print\x1b[2J")])
    headers = json.loads(redis_client.lindex(QUEUE, 0))["headers"]
    assert headers["argsrepr"] == "(1, 1, 'mug�gpj', 'A �print�[2J')"


QUEUE = "darkroom:attempts"
JOBS = 24
LONG_AGO = "2026-01-01T00:00:00Z"
FAST = {"DARKROOM_REQUESTS_PER_MINUTE": "6000", "DARKROOM_FIRST_CALLS": "100"}


def _handed_out(world: World, tools: Tools, app: Celery):
    """A batch whose jobs are all dispatched, their messages in the broker and nobody there to take them."""
    batch_id = world.submit([f"Print {number}" for number in range(JOBS)])
    assert ingest(tools) == JOBS
    with transaction(world.engine) as connection:
        workers.beat(connection, tools.name, JOBS)
    careless = replace(tools, publish=publisher(app), thrift=Thrift(first=100))
    assert dispatch(careless) == JOBS
    with transaction(world.engine) as connection:
        workers.leave(connection, tools.name)
    return batch_id


def _tickets_run_out(world: World) -> None:
    with transaction(world.engine) as connection:
        handed = jobs.c.state == JobState.DISPATCHED
        connection.execute(update(jobs).where(handed).values(ticket_expires_at=LONG_AGO))


def _lost(redis: Redis) -> None:
    """All but every third."""
    for position, message in enumerate(redis.lrange(QUEUE, 0, -1)):
        if position % 3:
            redis.lrem(QUEUE, 1, message)


def _all_lost(redis: Redis) -> None:
    redis.delete(QUEUE)


def _doubled(redis: Redis) -> None:
    """Each three times, before and behind the others."""
    messages = redis.lrange(QUEUE, 0, -1)
    redis.lpush(QUEUE, *messages)
    redis.rpush(QUEUE, *messages)


def _reversed(redis: Redis) -> None:
    _put_back(redis, redis.lrange(QUEUE, 0, -1)[::-1])


def _lost_doubled_and_shuffled(redis: Redis) -> None:
    messages = redis.lrange(QUEUE, 0, -1)
    draw = random.Random(7)
    _put_back(redis, draw.choices(messages, k=2 * len(messages)))


def _put_back(redis: Redis, messages: list[bytes]) -> None:
    redis.delete(QUEUE)
    redis.rpush(QUEUE, *messages)


@pytest.mark.parametrize(
    "harm", [_lost, _all_lost, _doubled, _reversed, _lost_doubled_and_shuffled]
)
def test_whatever_becomes_of_messages_each_job_is_done_and_paid_for_once(
    world: World, tools: Tools, app: Celery, redis_client: Redis, harm: Callable[[Redis], None]
) -> None:
    batch_id = _handed_out(world, tools, app)
    assert redis_client.llen(QUEUE) == JOBS
    harm(redis_client)
    kept = len(set(redis_client.lrange(QUEUE, 0, -1)))
    world.start_worker(**FAST)
    world.until_view(batch_id, lambda view: view.counts.succeeded >= kept)
    _tickets_run_out(world)
    view = world.until(batch_id)
    assert view.counts.succeeded == JOBS
    assert world.sandbox.totals()["calls"] == len(world.attempts()) == JOBS
    agree(world)
