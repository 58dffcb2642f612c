import base64
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import openai
import pytest
from openai.types import ImagesResponse

COMMON = {"prompt": "make it blue", "model": "gpt-image-2", "size": "1024x1024", "quality": "low"}


def data_url(image):
    return "data:image/png;base64," + base64.b64encode(image).decode()


@pytest.fixture
def edit_json(sandbox):
    def call(**body):
        return sandbox.openai.post("/images/edits", cast_to=ImagesResponse, body={**COMMON, **body})

    return call


def test_one_image_as_multipart(sandbox, picture_bytes, opened):
    answer = sandbox.openai.images.edit(image=("a.png", picture_bytes()), n=2, **COMMON)
    assert [opened(image).size for image in answer.data] == [(1024, 1024)] * 2
    assert answer.usage.input_tokens_details.image_tokens == 950
    assert answer.usage.output_tokens == 2 * 196
    assert sandbox.last_call()["references"] == 1
    assert sandbox.last_call()["n"] == 2


def test_several_images_and_a_mask_as_multipart(sandbox, picture_bytes):
    images = [
        ("a.png", picture_bytes()),
        ("b.jpg", picture_bytes(image_format="JPEG")),
        ("c.webp", picture_bytes(image_format="WEBP")),
    ]
    answer = sandbox.openai.images.edit(
        image=images, mask=("m.png", picture_bytes(mode="RGBA")), **COMMON
    )
    assert answer.usage.input_tokens_details.image_tokens == 3 * 950
    assert sandbox.last_call()["references"] == 3


def test_the_reference_shows_in_the_result(sandbox, picture_bytes, opened):
    image = picture_bytes(color=(10, 200, 30))
    answer = sandbox.openai.images.edit(image=("a.png", image), **COMMON)
    assert opened(answer.data[0]).getpixel((2, 2)) == (10, 200, 30)


def test_images_by_data_url(edit_json, picture_bytes, opened):
    answer = edit_json(images=[{"image_url": data_url(picture_bytes())}])
    assert opened(answer.data[0]).size == (1024, 1024)


def test_images_by_file_id(sandbox, edit_json, picture_bytes):
    stored = sandbox.openai.files.create(file=("a.png", picture_bytes()), purpose="vision")
    assert edit_json(images=[{"file_id": stored.id}]).usage.input_tokens_details.image_tokens == 950
    assert sandbox.openai.files.retrieve(stored.id).bytes == len(picture_bytes())


def test_images_by_web_address(edit_json, picture_bytes):
    image = picture_bytes()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/a.png"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(image if found else b"")

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{site.server_port}"
        answer = edit_json(images=[{"image_url": f"{address}/a.png"}])
        assert answer.usage.input_tokens_details.image_tokens == 950
        with pytest.raises(openai.BadRequestError) as caught:
            edit_json(images=[{"image_url": f"{address}/gone.png"}])
        assert caught.value.code == "invalid_image_url"
        site.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "missing_required_parameter", "image"),
        ({"images": "x"}, "invalid_value", "images"),
        ({"images": [{}]}, "invalid_value", "images"),
        ({"images": [{"file_id": "a", "image_url": "b"}]}, "invalid_value", "images"),
        ({"images": [{"image_url": "ftp://x"}]}, "invalid_image_url", "images"),
        ({"images": [{"image_url": "data:image/png;base64,%%%"}]}, "invalid_image_url", "images"),
        (
            {"images": [{"image_url": "data:text/plain;base64,aGVsbG8="}]},
            "invalid_image_file",
            "image",
        ),
        ({"image": "a.png", "images": []}, "missing_required_parameter", "image"),
    ],
)
def test_unusable_references_are_refused(edit_json, fields, code, param):
    with pytest.raises(openai.BadRequestError) as caught:
        edit_json(**fields)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_an_unknown_file_is_not_found(edit_json):
    with pytest.raises(openai.NotFoundError):
        edit_json(images=[{"file_id": "file-none"}])


@pytest.mark.parametrize(
    ("model", "fidelity", "code"),
    [
        ("gpt-image-2", "high", "invalid_input_fidelity_model"),
        ("gpt-image-2.5-flare", "low", "invalid_input_fidelity_model"),
        ("gpt-image-1-mini", "high", "invalid_value"),
        ("gpt-image-1.5", "high", None),
        ("gpt-image-1-mini", "low", None),
    ],
)
def test_input_fidelity_depends_on_the_model(edit_json, picture_bytes, model, fidelity, code):
    images = [{"image_url": data_url(picture_bytes())}]
    if code is None:
        assert edit_json(images=images, model=model, input_fidelity=fidelity).data
        return
    with pytest.raises(openai.BadRequestError) as caught:
        edit_json(images=images, model=model, input_fidelity=fidelity)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "mask",
    [
        {"mode": "RGB"},
        {"mode": "RGBA", "size": (512, 1024)},
    ],
)
def test_an_unfit_mask_is_refused(edit_json, picture_bytes, mask):
    images = [{"image_url": data_url(picture_bytes())}]
    with pytest.raises(openai.BadRequestError) as caught:
        edit_json(images=images, mask={"image_url": data_url(picture_bytes(**mask))})
    assert caught.value.param == "mask"


def test_seventeen_images_are_too_many(edit_json, picture_bytes):
    images = [{"image_url": data_url(picture_bytes((16, 16)))}] * 17
    with pytest.raises(openai.BadRequestError) as caught:
        edit_json(images=images)
    assert caught.value.code == "array_above_max_length"
