"""What is handed out: no family of models that may make no call keeps another from its calls."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, update
from world import World

from darkroom.domain.failure import FailureClass
from darkroom.domain.limit import Dimension, Heard, Sign
from darkroom.store import workers
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import transaction
from darkroom.store.tables import jobs
from worker.attempt import attempt
from worker.dispatch import dispatch
from worker.ingest import ingest
from worker.pulse import Rung
from worker.tools import Tools

SLOW, FAST = "gpt-image-2", "gpt-image-2.5-flare"


@pytest.fixture
def apart(monkeypatch, tools_of, world: World) -> Tools:
    """A worker whose operator has limits for each of two models."""
    monkeypatch.setenv("DARKROOM_MODELS", json.dumps({FAST: {"family": "flare"}}))
    return tools_of(world.redis_url)


def _rows(*models: str) -> list[dict[str, str]]:
    return [{"prompt": model, "model": model} for model in models]


def _handed_out(tools: Tools) -> list[str]:
    """The prompts of what one round hands out."""
    sent = []
    dispatch(replace(tools, publish=sent.extend))
    return [message.prompt_head for message in sent]


def test_a_family_without_room_keeps_no_other_waiting_in_the_same_batch(
    world: World, apart: Tools
) -> None:
    limiter = apart.upstreams["default"].limiter
    limiter.hear("p", "gpt-image", Heard(Sign.FINE, limits={Dimension.IMAGES: 5}))
    world.submit(_rows(*[SLOW] * 40, *[FAST] * 3))
    assert ingest(apart)
    assert sorted(_handed_out(apart)) == [SLOW, FAST, FAST, FAST]
    assert _handed_out(apart) == [], "what is handed out and not begun counts"


def test_models_of_one_family_share_its_window_in_the_order_of_their_rows(
    world: World, tools: Tools
) -> None:
    limits = {Dimension.IMAGES: 60}
    tools.upstreams["default"].limiter.hear("p", "gpt-image", Heard(Sign.FINE, limits=limits))
    world.submit(_rows(FAST, SLOW, FAST))
    assert ingest(tools)
    assert _handed_out(tools) == [FAST, SLOW]


def test_a_family_that_rests_is_tried_by_one_call_and_another_batch_goes_on(
    world: World, apart: Tools
) -> None:
    limiter = apart.upstreams["default"].limiter
    for _ in range(3):
        limiter.hear("p", "gpt-image", Heard(Sign.REFUSED, timedelta(seconds=30)))
    world.submit(_rows(*[SLOW] * 20))
    world.submit(_rows(*[FAST] * 2))
    assert ingest(apart)
    assert ingest(apart)
    assert sorted(_handed_out(apart)) == [SLOW, FAST, FAST]


def test_batches_are_locked_once_each_and_by_id_whatever_was_due_of_them(
    world: World, tools: Tools
) -> None:
    """The second has one job due: what else it might have had goes to the first, in another go."""
    ids = [world.submit([f"Print {number}" for number in range(8)]) for _ in range(2)]
    assert ingest(tools)
    assert ingest(tools)
    locked = []

    def look(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("UPDATE batches") and "batch_id" in parameters:
            locked.append(parameters["batch_id"])

    with transaction(world.engine) as connection:
        workers.beat(connection, tools.name, 6)
        its = jobs.c.batch_id == ids[1], jobs.c.line > 1
        connection.execute(update(jobs).where(*its).values(due_at="2999-01-01T00:00:00Z"))
    event.listen(tools.engine, "before_cursor_execute", look)
    assert len(_handed_out(tools)) == 6
    assert locked == sorted(ids)
    assert [world.batch(batch_id).counts.dispatched for batch_id in ids] == [5, 1]


def test_what_is_more_at_once_than_the_provider_allows_fails_instead_of_waiting_for_ever(
    world: World, tools: Tools
) -> None:
    """A limit that was configured refuses it at submission; this one is heard of by this very call."""
    world.sandbox.configure(images_per_minute=5)
    limiter = tools.upstreams["default"].limiter
    limiter.hear("p", "gpt-image", Heard(Sign.FINE, limits={Dimension.REQUESTS: 60_000}))
    batch_id = world.submit([{"prompt": "A print", "n": 10}])
    assert ingest(tools)
    sent = []
    dispatch(replace(tools, publish=sent.extend))
    report = attempt(tools, sent[0].job_id, sent[0].token)
    assert report.failed
    [job] = world.jobs(batch_id)
    assert job.failure["class"] == FailureClass.INVALID_REQUEST
    assert "Limit 5, Used 0, Requested 10" in job.failure["message"]
    assert limiter.known("gpt-image").limits[Dimension.IMAGES] == 5


def test_who_finds_another_dispatching_looks_again(world: World, tools: Tools) -> None:
    """What the other saw may be older than what there is to hand out now."""
    world.submit(["A print"])
    assert ingest(tools)
    tools.wake.wait(0)
    with transaction(world.engine) as connection:
        assert try_lock(connection, Duty.DISPATCH)
        assert _handed_out(tools) == []
        assert tools.wake.wait(10) is Rung.DUE
    assert _handed_out(tools) == ["A print"]
    assert tools.wake.wait(0) is None
