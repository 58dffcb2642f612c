"""Image bytes: exactly as stored, cached for good."""

import os
import re
from datetime import timedelta

import psutil
import pytest
from desk import assert_problem
from factories import PIXEL
from gallery import picture

from api.signatures import Signatures
from darkroom.store.session import now_at, transaction


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


def link_to(client, image, **body):
    response = client.post(f"/api/v1/images/{image['id']}/links", json=body or None)
    assert response.status_code == 201, response.text
    return response.json()


def test_a_signed_link_needs_no_key(client, stranger, images):
    drawn = picture()
    (image,) = images(drawn)
    made = link_to(client, image, expires_in=60)
    whole = stranger.get(made["url"])
    assert whole.content == drawn
    assert int(re.search(r"max-age=(\d+)", whole.headers["cache-control"])[1]) <= 60
    small = stranger.get(made["thumbnail_url"])
    assert small.headers["content-type"] == "image/webp"
    known = stranger.get(made["url"], headers={"If-None-Match": whole.headers["etag"]})
    assert known.status_code == 304


def test_a_link_is_not_readable_after_its_time(desk, client, stranger, images):
    """Made in the past, as the same server would have made it then: its secret is in the database."""
    (image,) = images(PIXEL)
    link_to(client, image)
    with transaction(desk.engine) as connection:
        now = now_at(connection)
        ended = Signatures().link(connection, image["url"], now)
        good = Signatures().link(connection, image["url"], now + timedelta(minutes=1))
    assert stranger.get(good).content == PIXEL
    for headers in ({}, {"If-None-Match": "*"}):
        assert_problem(stranger.get(ended, headers=headers), 403, "link_expired")
    assert client.get(ended).content == PIXEL


def test_a_link_is_for_one_thing_and_cannot_be_changed(client, stranger, images):
    one, other = images(PIXEL, PIXEL + b"2")
    query = link_to(client, one)["url"].partition("?")[2]
    expires, signature = (part.partition("=")[2] for part in query.split("&"))
    for changed in (
        f"{other['url']}?{query}",
        f"{one['url']}/thumbnail?{query}",
        f"{one['url']}?expires={int(expires) + 1}&signature={signature}",
        f"{one['url']}?expires={expires}&signature={signature[:-1]}",
        f"{one['url']}?expires={expires}&signature=",
        f"{one['url']}?expires={expires}&signature=%ED%A0%80%00%FF",
        f"{one['url']}?signature={signature}",
        f"/api/v1/images/img_{'0' * 32}-0?{query}",
    ):
        assert_problem(stranger.get(changed), 403, "link_not_valid")
    assert_problem(stranger.post(f"{one['url']}/links?{query}"), 401, "key_missing")
    assert_problem(stranger.get(f"/api/v1/jobs/job_1?{query}"), 401, "key_missing")


@pytest.mark.parametrize("seconds", [0, -1, 7 * 86400 + 1, "60", 1.5, None])
def test_a_link_for_no_time_or_for_ever_is_refused(client, images, seconds):
    (image,) = images(PIXEL)
    response = client.post(f"/api/v1/images/{image['id']}/links", json={"expires_in": seconds})
    assert_problem(response, 422, "invalid_request")


def test_a_thumbnail_is_small_and_cached(client, images):
    image, broken = images(picture(), PIXEL)
    assert_problem(client.get(f"{broken['url']}/thumbnail"), 404)
    small = client.get(f"{image['url']}/thumbnail")
    assert small.headers["content-type"] == "image/webp"
    assert small.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = client.get(
        f"{image['url']}/thumbnail", headers={"If-None-Match": small.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
