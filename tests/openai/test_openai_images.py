"""One image at a time by OpenAI's own client: it waits, it re-sends, it goes away, and pays once."""

import base64
import threading
from io import BytesIO

import httpx2
import openai
import pytest
from cutting import cutting
from PIL import Image
from shop import drawn

from darkroom.store.session import transaction


@pytest.fixture
def billed(shop, studio):
    """How many calls the provider has had for prompts of this test."""

    def count() -> int:
        return sum(shop.project_id in call["prompt"] for call in studio.sandbox.calls())

    return count


@pytest.fixture
def resumed(studio):
    """Lets the provider's key be tried again at the end."""
    yield
    with transaction(studio.engine) as connection:
        connection.exec_driver_sql("DELETE FROM providers")


@pytest.fixture
def raw(shop):
    headers = {"Authorization": f"Bearer {shop.key}"}
    with httpx2.Client(base_url=shop.url, headers=headers, verify=False, timeout=60) as client:
        yield client


def test_an_image_is_waited_for(shop):
    answer = shop.client.images.generate(**drawn("a lone cat"))
    (image,) = answer.data
    assert Image.open(BytesIO(base64.b64decode(image.b64_json))).size == (1024, 1024)
    assert (answer.size, answer.quality, answer.output_format) == ("1024x1024", "low", "png")
    assert answer.usage.output_tokens == 196
    assert answer.usage.input_tokens_details.text_tokens == answer.usage.input_tokens
    auto = shop.client.images.generate(**drawn("a lone cat", quality="auto"))
    assert auto.quality in ("low", "medium", "high", "xhigh", "max")
    assert answer._request_id.startswith("req_")


def test_several_images_of_one_request(shop):
    assert len(shop.client.images.generate(**drawn("triplets", n=3)).data) == 3


def test_images_come_as_events_where_a_stream_is_asked_for(shop):
    asked = drawn("a streamed cat", n=2, size="1024x1024")
    found = list(shop.client.images.generate(**asked, stream=True, partial_images=3))
    assert [event.type for event in found] == ["image_generation.completed"] * 2
    assert [event.usage.output_tokens for event in found] == [0, 392]
    for event in found:
        assert (event.size, event.quality, event.background) == ("1024x1024", "low", "auto")
        assert Image.open(BytesIO(base64.b64decode(event.b64_json))).size == (1024, 1024)


def test_the_format_that_it_is_in_may_be_asked_for(shop):
    assert shop.client.images.generate(**drawn(), response_format="b64_json").data[0].b64_json


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("moderation", openai.BadRequestError, "moderation_blocked"),
        ("invalid_value", openai.BadRequestError, "invalid_value"),
    ],
)
def test_a_failure_is_the_exception_that_the_client_knows(shop, billed, fault, error, code):
    with pytest.raises(error) as failed:
        shop.client.images.generate(**drawn(f"{shop.project_id} [[fault:{fault}]]"))
    assert failed.value.code == code
    assert failed.value.response.headers["x-should-retry"] == "false"
    assert billed() == 1


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"quality": "best"}, "quality"),
        ({"size": "1000x1000"}, "size"),
        ({"model": "dall-e-3"}, "model"),
        ({"extra_body": {"colour": "red"}}, "colour"),
        ({"stream": "yes"}, "stream"),
        ({"partial_images": 4}, "partial_images"),
        ({"response_format": "url"}, "response_format"),
    ],
)
def test_what_cannot_be_drawn_costs_nothing(shop, more, param):
    with pytest.raises(openai.BadRequestError) as refused:
        shop.client.images.generate(**{**drawn(), **more})
    assert refused.value.param == param


def test_a_base_url_without_its_v1_is_told_so(shop):
    client = shop.client.with_options(base_url=shop.url)
    for ask in (lambda: client.images.generate(**drawn()), client.models.list, client.files.list):
        with pytest.raises(openai.APIStatusError, match="this API begins at /v1"):
            ask()


def test_a_proxy_that_cuts_costs_one_image_with_the_clients_own_retries(shop, billed):
    with cutting(shop.url, seconds=1) as proxy:
        client = shop.client.with_options(base_url=f"{proxy.url}/v1")
        answer = client.images.generate(**drawn(f"{shop.project_id} [[latency:1.5]]"))
        client.close()
    assert len(answer.data) == 1
    assert proxy.cuts >= 1
    assert proxy.connections >= 2
    assert billed() == 1


def test_a_repeat_without_a_first_is_a_request(shop, billed):
    headers = {"x-stainless-retry-count": "1"}
    body = drawn(f"{shop.project_id} cat")
    for _ in range(2):
        shop.client.images.generate(**body, extra_headers=headers)
    assert billed() == 1
    shop.client.images.generate(**body)
    assert billed() == 2


def test_a_client_that_goes_away_leaves_its_image_to_be_made(shop, studio, raw, billed):
    gate, body = shop.project_id, drawn(f"[[hold:{shop.project_id}]] cat")
    with pytest.raises(httpx2.TimeoutException):
        raw.post("/v1/images/generations", json=body, timeout=1)
    studio.sandbox.wait(held=1)
    studio.sandbox.release(gate)
    again = raw.post("/v1/images/generations", json=body, headers={"x-stainless-retry-count": "1"})
    assert again.status_code == 200
    assert again.headers["idempotency-replayed"] == "true"
    assert billed() == 1


def test_one_key_is_one_image(shop, raw, billed):
    key = {"Idempotency-Key": '"order-17"'}
    body = drawn(f"{shop.project_id} cat")
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(
                raw.post("/v1/images/generations", json=body, headers=key)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotency-replayed", "") for answer in answers) == [
        "",
        *["true"] * 3,
    ]
    assert billed() == 1
    other = raw.post("/v1/images/generations", json=drawn("another"), headers=key)
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_key_reused"


def test_nobody_has_to_wait(shop, raw):
    answer = raw.post("/v1/images/generations", json=drawn(), headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    job = raw.get(answer.headers["location"])
    assert job.status_code == 200
    assert job.json()["id"] == answer.json()["id"]


def test_it_goes_before_a_night_of_others_and_no_list_shows_it(shop, studio, raw):
    night = shop.create(*[drawn(f"[[latency:0.5]] cat {number}") for number in range(60)])
    studio.sandbox.wait(in_flight=1)
    shop.client.images.generate(**drawn("a customer waits"))
    counts = shop.client.batches.retrieve(night.id).request_counts
    assert counts.completed < counts.total
    shop.client.batches.cancel(night.id)
    listed = raw.get("/api/v1/batches").json()["data"]
    assert [batch["id"] for batch in listed] == [night.id]


def test_a_key_that_is_used_up_is_told_at_once(raw, resumed):
    body = drawn("[[fault:quota]] cat")
    answer = raw.post("/v1/images/generations", json=body)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "paused_provider_key"
    assert answer.headers["x-should-retry"] == "false"
