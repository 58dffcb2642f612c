"""The queue is open to whoever reaches the broker: what is no message of ours is refused, and work goes on."""

import pytest
from books import agree
from celery import Celery
from world import World

from darkroom.settings import Settings
from worker.app import configuration
from worker.tasks import ATTEMPT

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
        made.conf.update(configuration(Settings(redis_url=redis_url)))
        yield made
        made.pool.force_close_all()


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
