"""Edits by OpenAI's own client: in a batch, whose lines name pictures, and one at a time, with pictures or their names."""

import base64
from io import BytesIO
from uuid import uuid4

import httpx2
import openai
import pytest
from cutting import cutting
from gallery import data_url, picture
from PIL import Image
from shop import drawn

from api.openai.answers import _refused
from api.submission import REFERENCE_BYTES
from darkroom.domain.batch import BatchStatus
from darkroom.domain.problem import UNREADABLE
from darkroom.store.lone import Standing

EDITS = "/v1/images/edits"


@pytest.fixture
def calls(shop, studio):
    """The calls that the provider has had for prompts of this test."""

    def made() -> list[dict]:
        return [call for call in studio.sandbox.calls() if shop.project_id in call["prompt"]]

    return made


@pytest.fixture
def raw(shop):
    headers = {"Authorization": f"Bearer {shop.key}"}
    with httpx2.Client(base_url=shop.url, headers=headers, verify=False, timeout=60) as client:
        yield client


def named(shop, data: bytes) -> dict:
    """A picture that was uploaded before."""
    return {"file_id": shop.client.files.create(file=("a.png", data), purpose="vision").id}


def test_pictures_are_named_by_their_file(shop, ended):
    body = drawn("make it blue", images=[named(shop, picture())])
    batch = shop.client.batches.create(
        input_file_id=shop.upload(body, url=EDITS), endpoint=EDITS, completion_window="24h"
    )
    done = ended(shop, batch)
    assert done.status == "completed", done.errors
    (line,) = shop.lines(done.output_file_id)
    body = line["response"]["body"]
    assert len(body["data"]) == 1
    assert body["usage"]["input_tokens_details"]["image_tokens"] > 0


def test_an_edit_that_our_workers_could_not_read_is_no_fault_of_who_sent_it():
    """Reader after reader was lost over it; a line that is wrong is the caller's."""
    statuses = {}
    for code in (UNREADABLE, "invalid_value"):
        problem = {"code": code, "message": "it could not be read"}
        standing = Standing(uuid4(), BatchStatus.FAILED, None, None, [problem])
        statuses[code] = _refused(standing, None).status_code
    assert statuses == {UNREADABLE: 503, "invalid_value": 400}


def test_an_edit_is_waited_for_and_its_pictures_are_in_no_list(shop, calls):
    answer = shop.client.images.edit(image=picture(), **drawn(f"{shop.project_id} blue"))
    (image,) = answer.data
    assert Image.open(BytesIO(base64.b64decode(image.b64_json))).size == (1024, 1024)
    assert answer.usage.input_tokens_details.image_tokens > 0
    assert [call["references"] for call in calls()] == [1]
    assert shop.client.files.list().data == []
    assert shop.client.batches.list().data == []


def test_sixteen_pictures_and_a_mask_go_along(shop, calls):
    pictures = [(f"{n}.png", picture(shade=n)) for n in range(16)]
    mask = ("mask.png", picture(mode="RGBA"))
    prompt = f"{shop.project_id} all of them"
    answer = shop.client.images.edit(image=pictures, mask=mask, **drawn(prompt, n=2))
    assert len(answer.data) == 2
    assert [call["references"] for call in calls()] == [16]


def test_pictures_are_named_in_json_too(shop, raw, calls):
    mask = named(shop, picture(mode="RGBA"))
    images = [named(shop, picture(shade=1)), {"image_url": data_url(picture(shade=2))}]
    body = drawn(f"{shop.project_id} blue", images=images, mask=mask)
    answer = raw.post(EDITS, json=body)
    assert answer.status_code == 200, answer.text
    assert [call["references"] for call in calls()] == [2]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"quality": "best"}, "quality"),
        ({"extra_body": {"colour": "red"}}, "colour"),
        ({"image": ("a.txt", b"no picture at all")}, "images"),
        ({"image": []}, "image"),
        ({"mask": ("m.png", picture(size=(8, 8), mode="RGBA"))}, "mask"),
        ({"mask": ("m.png", picture())}, "mask"),
        ({"image": [picture()] * 17}, "images"),
        ({"extra_body": {"image[]": "a.png"}}, "image[]"),
        ({"partial_images": 4}, "partial_images"),
    ],
)
def test_what_cannot_be_drawn_costs_nothing(shop, calls, more, param):
    asked = {"image": picture(), **drawn(f"{shop.project_id} blue"), **more}
    with pytest.raises(openai.BadRequestError) as refused:
        shop.client.images.edit(**asked)
    assert refused.value.param == param, refused.value.message
    assert refused.value.body["message"].startswith(f"{param}: ")
    assert calls() == []


def test_a_picture_of_fifty_megabytes_is_refused(shop, raw):
    """The same as in an upload of its own."""
    large = bytes(REFERENCE_BYTES + 1)
    for path, field, more in (
        (EDITS, "image", drawn()),
        ("/v1/files", "file", {"purpose": "vision"}),
    ):
        answer = raw.post(path, data=more, files={field: ("a.png", large)})
        assert answer.status_code == 413
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}


def test_a_proxy_that_cuts_costs_one_edit_with_the_clients_own_retries(shop, calls):
    prompt = f"{shop.project_id} [[latency:1.1]]"
    with cutting(shop.url, seconds=1) as proxy:
        client = shop.client.with_options(base_url=f"{proxy.url}/v1")
        answer = client.images.edit(image=picture(), **drawn(prompt))
        client.close()
    assert len(answer.data) == 1
    assert proxy.cuts >= 1
    assert len(calls()) == 1


def test_other_pictures_are_another_request(shop, calls):
    repeat = {"x-stainless-retry-count": "1"}
    for shade in (1, 1, 2):
        shop.client.images.edit(
            image=picture(shade=shade), **drawn(f"{shop.project_id} cat"), extra_headers=repeat
        )
    assert len(calls()) == 2


def test_a_client_that_goes_away_leaves_its_edit_to_be_made(shop, studio, raw, calls):
    sent = {"data": drawn(f"[[hold:{shop.project_id}]] cat"), "files": {"image": picture()}}
    with pytest.raises(httpx2.TimeoutException):
        raw.post(EDITS, **sent, timeout=1)
    studio.sandbox.wait(held=1)
    studio.sandbox.release(shop.project_id)
    again = raw.post(EDITS, **sent, headers={"x-stainless-retry-count": "1"})
    assert again.status_code == 200
    assert again.headers["idempotency-replayed"] == "true"
    assert len(calls()) == 1


def test_nobody_has_to_wait_for_an_edit(raw):
    async_ = {"Prefer": "respond-async"}
    sent = {"data": drawn(), "files": {"image": picture()}}
    answer = raw.post(EDITS, **sent, headers=async_)
    assert answer.status_code == 202
    assert raw.get(answer.headers["location"]).json()["id"] == answer.json()["id"]


def test_a_failure_says_that_it_is_not_to_be_sent_again(shop, calls):
    with pytest.raises(openai.BadRequestError) as failed:
        shop.client.images.edit(image=picture(), **drawn(f"{shop.project_id} [[fault:moderation]]"))
    assert failed.value.code == "moderation_blocked"
    assert failed.value.response.headers["x-should-retry"] == "false"
    assert len(calls()) == 1


def test_the_image_may_come_as_an_event(shop):
    stream = shop.client.images.edit(
        image=picture(), **drawn("blue"), stream=True, partial_images=2
    )
    (event,) = stream
    assert event.type == "image_edit.completed"
    assert event.usage.input_tokens_details.image_tokens > 0
    assert Image.open(BytesIO(base64.b64decode(event.b64_json))).size == (1024, 1024)


def test_a_path_is_refused_before_anything_is_written_down(raw, calls):
    answer = raw.post(EDITS, json=drawn("x", images=["shoe.png"]))
    assert answer.status_code == 400
    assert "upload it to /api/v1/files" in answer.json()["error"]["message"]
    assert calls() == []
