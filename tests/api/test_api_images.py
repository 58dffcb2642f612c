"""Image bytes: exactly as stored, cached for good."""

import os

import psutil
import pytest
from desk import assert_problem
from factories import PIXEL


@pytest.fixture
def images(client, make):
    """The images of a batch with one job that ended like this."""

    def of(*pictures):
        batch_id = make.in_progress()
        make.succeed(make.begin(batch_id), *pictures)
        (job,) = client.get(f"/api/v1/batches/batch_{batch_id.hex}/jobs").json()["data"]
        return job["images"]

    return of


def test_the_bytes_come_as_they_were_stored(client, images):
    (image,) = images(PIXEL)
    response = client.get(image["url"])
    assert response.status_code == 200
    assert response.content == PIXEL
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-length"] == str(len(PIXEL)) == str(image["bytes"])
    assert response.headers["etag"] == f'"{image["sha256"]}"'
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"] == f'attachment; filename="{image["id"]}.png"'


def test_each_of_several_has_its_own_bytes(client, images):
    pictures = [PIXEL, PIXEL + b"2", PIXEL + b"3"]
    told = images(*pictures)
    assert [client.get(image["url"]).content for image in told] == pictures
    assert [image["id"].rpartition("-")[2] for image in told] == ["0", "1", "2"]


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
def test_what_is_in_a_cache_is_not_sent_again(client, images, form):
    (image,) = images(PIXEL)
    headers = {"If-None-Match": form.format(image["sha256"])}
    response = client.get(image["url"], headers=headers)
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == f'"{image["sha256"]}"'


def test_what_another_cache_holds_is(client, images):
    (image,) = images(PIXEL)
    response = client.get(image["url"], headers={"If-None-Match": '"other"'})
    assert response.content == PIXEL


def test_bytes_that_are_gone_are_gone(client, images, desk):
    (image,) = images(os.urandom(100))
    desk.blobs.delete(image["sha256"])
    assert_problem(client.get(image["url"]), 410, "bytes_missing")


def test_a_large_image_takes_no_memory(client, images, desk):
    data = os.urandom(1000) * 40_000
    (image,) = images(data)
    server = psutil.Process(desk.process.pid)
    before = server.memory_info().rss
    with client.stream("GET", image["url"]) as response:
        received = sum(len(chunk) for chunk in response.iter_bytes())
    assert received == len(data)
    assert server.memory_info().rss - before < 16_000_000


def test_an_index_that_no_answer_had_is_missing(client, images):
    (image,) = images(PIXEL)
    name = image["id"].removesuffix("-0")
    for index in ("1", "9999", "-1", "00000", "x", ""):
        assert_problem(client.get(f"/api/v1/images/{name}-{index}"), 404, "image_not_found")
