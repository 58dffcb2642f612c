"""OpenAI's own client hands in batches and fetches what came of them."""

import base64
from datetime import timedelta
from io import BytesIO

import httpx2
import openai
import pytest
from desk import admitted
from PIL import Image
from shop import GENERATIONS, drawn
from sqlalchemy import func, update

from api.openai.failures import WORDED
from darkroom.domain.failure import FailureClass
from darkroom.domain.ids import BATCH, uuid_of
from darkroom.store.session import transaction
from darkroom.store.tables import batches


def test_a_batch_from_its_upload_to_its_pictures(shop, ended):
    bodies = [drawn("a red cat"), drawn("a dog [[fault:moderation]]"), drawn("twins", n=2)]
    batch = shop.create(*bodies, metadata={"night": "1"})
    assert batch.object == "batch"
    assert batch.id.startswith("batch_")
    assert batch.status == "validating"
    assert batch.metadata == {"night": "1"}
    assert batch.expires_at - batch.created_at in range(86_399, 86_402)
    assert batch.output_file_id is None

    done = ended(shop, batch)
    assert done.status == "completed"
    counts = done.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 2, 1)
    assert done.created_at <= done.in_progress_at <= done.finalizing_at <= done.completed_at
    assert done.errors is None
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens
    assert done.usage.output_tokens == 3 * 196

    cat, twins = shop.lines(done.output_file_id)
    assert (cat["custom_id"], twins["custom_id"]) == ("row-1", "row-3")
    assert cat["id"].startswith("batch_req_")
    assert cat["error"] is None
    answer = cat["response"]
    assert answer["status_code"] == 200
    assert answer["request_id"]
    assert answer["body"]["size"] == "1024x1024"
    assert answer["body"]["quality"] == "low"
    assert answer["body"]["usage"]["output_tokens"] == 196
    (picture,) = answer["body"]["data"]
    assert Image.open(BytesIO(base64.b64decode(picture["b64_json"]))).size == (1024, 1024)
    assert len(twins["response"]["body"]["data"]) == 2

    (blocked,) = shop.lines(done.error_file_id)
    assert blocked["custom_id"] == "row-2"
    assert blocked["response"]["status_code"] == 400
    assert blocked["response"]["body"]["error"]["code"] == "moderation_blocked"


def test_every_field_is_there_with_its_null(shop):
    batch_id = shop.create(drawn()).id
    headers = {"Authorization": f"Bearer {shop.key}"}
    answer = httpx2.get(f"{shop.url}/v1/batches/{batch_id}", headers=headers, verify=False)
    assert answer.headers["x-request-id"].startswith("req_")
    batch = answer.json()
    assert batch.keys() >= {
        *("id", "object", "endpoint", "model", "errors", "input_file_id", "completion_window"),
        *("status", "output_file_id", "error_file_id", "created_at", "in_progress_at"),
        *("expires_at", "finalizing_at", "completed_at", "failed_at", "expired_at"),
        *("cancelling_at", "cancelled_at", "request_counts", "usage", "metadata"),
    }
    assert batch.keys() - {"darkroom"} <= set(openai.types.Batch.model_fields)


def test_links_stand_in_place_of_the_bytes_where_they_are_asked_for(shop, ended):
    batch = shop.create(drawn("a linked cat"), extra_body={"darkroom": {"links": True}})
    (line,) = shop.lines(ended(shop, batch).output_file_id)
    (picture,) = line["response"]["body"]["data"]
    assert picture.keys() == {"url", "sha256"}
    headers = {"Authorization": f"Bearer {shop.key}"}
    answer = httpx2.get(shop.url + picture["url"], headers=headers, verify=False)
    assert answer.headers["etag"] == f'"{picture["sha256"]}"'
    without = httpx2.get(shop.url + picture["url"], verify=False)
    assert without.content == answer.content
    assert "max-age=604" in without.headers["cache-control"]


def test_a_file_with_a_bad_line_fails_as_a_whole_and_names_the_line(shop, ended):
    done = ended(shop, shop.create(drawn(), drawn(quality="best"), {"model": "gpt-image-2"}))
    assert done.status == "failed"
    assert done.failed_at
    assert done.output_file_id is None
    assert {(error.line, error.param) for error in done.errors.data} == {
        (2, "quality"),
        (3, "prompt"),
    }
    assert all(error.code and error.message for error in done.errors.data)


def test_a_line_for_another_endpoint_is_refused(shop, ended):
    file_id = shop.upload(drawn(), url="/v1/chat/completions")
    batch = shop.client.batches.create(
        input_file_id=file_id, endpoint=GENERATIONS, completion_window="24h"
    )
    (error, *_) = ended(shop, batch).errors.data
    assert error.line == 1
    assert error.param == "url"


def test_the_pager_walks_through_every_batch_once(shop):
    made = [shop.create(drawn(f"cat {number}")).id for number in range(5)]
    seen = [batch.id for batch in shop.client.batches.list(limit=2)]
    assert seen == made[::-1]


def test_cancelled_while_calls_are_in_flight(shop, studio, ended):
    gate = shop.project_id
    batch = shop.create(*[drawn(f"[[hold:{gate}]] cat {number}") for number in range(30)])
    studio.sandbox.wait(held=1)
    cancelling = shop.client.batches.cancel(batch.id)
    assert cancelling.status == "cancelling"
    assert cancelling.cancelling_at
    studio.sandbox.release(gate)
    done = ended(shop, batch)
    assert done.status == "cancelled"
    assert done.cancelled_at
    assert 0 < done.request_counts.completed < 30
    lines = shop.lines(done.error_file_id)
    assert len(lines) == 30 - done.request_counts.completed
    assert lines[0]["response"] is None
    assert lines[0]["error"]["code"] == "batch_cancelled"


def test_what_has_ended_is_not_cancelled(shop, ended):
    batch = ended(shop, shop.create(drawn()))
    with pytest.raises(openai.ConflictError) as refused:
        shop.client.with_options(max_retries=0).batches.cancel(batch.id)
    assert refused.value.code == "batch_completed"


def test_what_the_window_will_leave_undone_is_told_when_it_is_created(shop, studio):
    """At one a minute, as this server was told, a day has room for 1,440."""
    few = shop.create(drawn("a cat")).darkroom
    assert few["forecast"]["requests"] == 1
    assert few["forecast"]["seconds"] >= 60
    gate = shop.project_id
    batch = shop.create(*[drawn(f"[[hold:{gate}]] cat {number}") for number in range(2000)])
    assert batch.darkroom["forecast"]["requests"] == pytest.approx(2000, rel=0.05)
    assert batch.darkroom["forecast"]["will_expire"] >= 500
    cancelled = shop.client.batches.cancel(batch.id)
    studio.sandbox.release(gate)
    assert cancelled.darkroom["forecast"] is None


def test_what_was_not_begun_in_time_expires(shop, studio, ended):
    gate = shop.project_id
    batch = shop.create(*[drawn(f"[[hold:{gate}]] cat {number}") for number in range(30)])
    studio.sandbox.wait(held=1)
    with transaction(studio.engine) as connection:
        mine = batches.c.id == uuid_of(BATCH, batch.id)
        over = func.now() - timedelta(seconds=1)
        connection.execute(update(batches).where(mine).values(deadline_at=over))
    studio.sandbox.release(gate)
    done = ended(shop, batch)
    assert done.status == "expired"
    assert done.expired_at
    assert len(shop.lines(done.output_file_id)) == done.request_counts.completed
    (line, *_) = shop.lines(done.error_file_id)
    assert line["error"]["code"] == "batch_expired"


def test_refusals_are_the_exceptions_that_the_client_knows(shop):
    client = shop.client
    with pytest.raises(openai.NotFoundError) as missing:
        client.batches.retrieve("batch_" + "0" * 32)
    assert missing.value.type == "invalid_request_error"
    assert missing.value.request_id.startswith("req_")
    with pytest.raises(openai.NotFoundError):
        client.batches.create(
            input_file_id="file-" + "0" * 32, endpoint=GENERATIONS, completion_window="24h"
        )
    with pytest.raises(openai.BadRequestError) as refused:
        client.batches.create(
            input_file_id="file-x", endpoint="/v1/embeddings", completion_window="24h"
        )
    assert refused.value.param == "endpoint"
    with pytest.raises(openai.AuthenticationError) as unknown:
        client.with_options(api_key="dk_nobody").batches.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as long:
        shop.create(drawn(), metadata={f"key-{number}": "x" for number in range(17)})
    assert long.value.param == "metadata"


def test_another_projects_batch_is_not_there(shop, counter):
    batch_id = shop.create(drawn()).id
    stranger = shop.client.with_options(api_key=admitted(counter, "another", "submit"))
    for look in (stranger.batches.retrieve, stranger.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            look(batch_id)


def test_there_is_a_word_for_every_class_of_failures():
    assert WORDED.keys() == set(FailureClass)
