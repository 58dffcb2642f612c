"""What becomes of an answer's bytes: kept as they are, fetched where they are linked, kept raw where they are wrong."""

import hashlib
import json
from uuid import UUID

import pytest
from hands import due_now
from sqlalchemy import Row, select
from world import World

from darkroom.blobs import open_store
from darkroom.domain.answer import KEPT, Answer, receipt_name
from darkroom.domain.batch import PausedReason
from darkroom.store import insights
from darkroom.store.session import transaction
from darkroom.store.tables import images

INTRANET = {"DARKROOM_PROFILE": "new-api", "DARKROOM_ALLOW_PRIVATE_URLS": "true"}
"""Of a worker whose relay answers with links to itself, on a network of the operator's own."""


def stored(world: World) -> list[Row]:
    with transaction(world.engine) as connection:
        return list(connection.execute(select(images).order_by(images.c.index)))


def test_bytes_are_kept_as_they_came_with_their_provenance(world: World) -> None:
    world.start_worker()
    world.until(world.submit(["[[fault:signed]] A print"]))
    [image] = stored(world)
    data = open_store(world.storage_url).get(image.sha256)
    assert hashlib.sha256(data).hexdigest() == image.sha256
    assert len(data) == image.bytes
    assert b"caBXjumb c2pa: made by the sandbox" in data


def test_what_became_of_an_auto_is_recorded(world: World) -> None:
    world.start_worker()
    batch_id = world.submit(["A print"], defaults={"quality": "auto", "size": "auto"})
    world.until(batch_id)
    [call] = world.sandbox.calls()
    [image] = stored(world)
    assert (image.quality, f"{image.width}x{image.height}") == (call["quality"], call["size"])
    assert "auto" not in (call["quality"], call["size"])
    [job] = world.jobs(batch_id)
    assert job.images[0].quality == call["quality"]


def test_a_link_is_fetched_where_the_profile_says_so(world: World) -> None:
    world.start_worker(**INTRANET)
    view = world.until(world.submit([{"prompt": "[[fault:link=1]] Two prints", "n": 2}]))
    assert (view.counts.succeeded, view.images, view.unknown) == (1, 2, 0)
    assert world.sandbox.totals()["calls"] == 1
    assert len({image.sha256 for image in stored(world)}) == 2


def test_a_link_that_fails_is_money_at_risk_and_tried_again_before_anything_is_paid(
    world: World,
) -> None:
    world.start_worker(**INTRANET)
    batch_id = world.submit(["[[fault:link=4]] A print"])
    view = world.until_view(batch_id, lambda view: view.unknown == 1)
    assert view.cost.at_risk > view.cost.spent == 0
    [attempt] = world.attempts()
    assert attempt.failure["code"] == "image_not_fetched"
    due_now(world)
    view = world.until(batch_id)
    assert (view.counts.succeeded, view.images, view.unknown) == (1, 1, 0)
    assert view.cost.at_risk == 0 < view.cost.spent
    assert world.sandbox.totals()["calls"] == 1


def test_a_link_is_of_no_use_where_the_profile_does_not_know_it(world: World) -> None:
    world.start_worker(DARKROOM_MAX_IN_FLIGHT="1")
    batch_id = world.submit(["[[fault:link]] A print"] * 3)
    assert_held_after_one_call(world, batch_id, "url_only", "answers_url = true")


def test_a_link_that_the_guard_refuses_is_paid_for_once_and_nothing_more_is_bought(
    world: World,
) -> None:
    """The next answer of the same relay would lie behind such a link, too."""
    world.start_worker(**relayed(world))
    batch_id = world.submit(["[[fault:link]] A print"] * 3, provider="relay")
    assert_held_after_one_call(world, batch_id, "link_refused", "leads to a loopback address)")


def relayed(world: World) -> dict[str, str]:
    """The settings of a worker whose provider answers with links, as APIYI's profile has it."""
    relay = {"base_url": world.sandbox.url, "key_env": "RELAY_KEY", "profile": "new-api"}
    return {
        "DARKROOM_PROVIDERS": json.dumps({"relay": {**relay, "max_in_flight": 1}}),
        "RELAY_KEY": "sk-relay",
    }


def assert_held_after_one_call(world: World, batch_id: UUID, code: str, words: str) -> None:
    view = world.until_view(batch_id, lambda view: view.paused_reason and view.counts.queued == 2)
    assert view.paused_reason == PausedReason.PROVIDER_KEY
    assert words in view.paused_detail
    assert (view.counts.failed, view.unknown) == (1, 1)
    assert view.cost.at_risk > view.cost.spent == 0
    assert world.attempts()[0].failure["code"] == code
    assert world.sandbox.totals()["calls"] == 1


def test_of_three_images_a_broken_one_is_asked_again_and_its_answer_is_kept(world: World) -> None:
    world.start_worker()
    batch_id = world.submit([{"prompt": "[[fault:one_broken*1]] Three prints", "n": 3}])
    world.until_view(batch_id, lambda view: view.images == 2)
    due_now(world)
    view = world.until(batch_id)
    assert (view.counts.succeeded, view.images) == (1, 3)
    assert [call["n"] for call in world.sandbox.calls()] == [3, 1]
    first, second = world.attempts()
    blobs = open_store(world.storage_url)
    kept = Answer.from_receipt(blobs.kept(receipt_name(first.id)))
    assert len(json.loads(kept.body)["data"]) == 3
    assert blobs.kept(receipt_name(second.id)) is None


@pytest.mark.parametrize("fault", ["error_200", "bad_base64", "relay_request"])
def test_an_answer_without_an_image_is_money_at_risk_and_kept_raw(world: World, fault: str) -> None:
    world.start_worker(DARKROOM_ON_UNKNOWN="fail")
    batch_id = world.submit([f"[[fault:{fault}]] A print"])
    view = world.until(batch_id)
    assert (view.counts.failed, view.unknown, view.images) == (1, 1, 0)
    assert view.cost.at_risk > view.cost.spent == 0
    with transaction(world.engine) as connection:
        [attempt] = insights.job_attempts(connection, world.jobs(batch_id)[0].id)
    assert attempt.answer_kept_until(KEPT) is not None
    assert open_store(world.storage_url).kept(receipt_name(attempt.id))
    assert stored(world) == []
