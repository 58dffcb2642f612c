"""Retrying: a linked batch of what failed, and never by itself of what may have been paid for."""

from decimal import Decimal
from io import BytesIO
from uuid import UUID
from zipfile import ZipFile

import pytest
from desk import assert_problem

from darkroom.domain.failure import FailureClass

SERVER_ERROR, OVERLOADED = FailureClass.SERVER_ERROR, FailureClass.OVERLOADED
MODERATION, UNKNOWN = FailureClass.MODERATION, FailureClass.UNKNOWN_OUTCOME


@pytest.fixture
def retry(client):
    def post(batch_id, *only):
        name = batch_id if isinstance(batch_id, str) else f"batch_{batch_id.hex}"
        body = {"only": list(only)} if only else None
        return client.post(f"/api/v1/batches/{name}/retry", json=body)

    return post


@pytest.fixture
def lines(client):
    """The lines of a batch's own jobs."""

    def of(told):
        page = client.get(f"/api/v1/batches/{told['id']}/jobs").json()
        return [job["line"] for job in page["data"]]

    return of


def made(response) -> dict:
    assert response.status_code == 202, response.text
    told = response.json()
    assert response.headers["location"] == f"/api/v1/batches/{told['id']}"
    return told


def test_what_failed_is_retried_and_what_is_uncertain_is_not(retry, lines, make):
    batch_id = make.completed(None, SERVER_ERROR, UNKNOWN, MODERATION)
    told = made(retry(batch_id))
    assert told["retry_of"] == f"batch_{batch_id.hex}"
    assert (told["status"], told["counts"]["queued"]) == ("in_progress", 2)
    assert lines(told) == [2, 4]


@pytest.mark.parametrize(
    ("only", "retried"),
    [
        (["server_error"], [1]),
        (["5xx"], [1, 2]),
        (["moderation", "overloaded"], [2, 3]),
        (["unknown"], [4]),
        (["unknown_outcome", "5xx"], [1, 2, 4]),
    ],
)
def test_only_what_is_named_is_retried(retry, lines, make, only, retried):
    batch_id = make.completed(SERVER_ERROR, OVERLOADED, MODERATION, UNKNOWN)
    assert lines(made(retry(batch_id, *only))) == retried


def test_a_word_that_is_no_class_is_refused(retry, make):
    problem = assert_problem(retry(make.completed(SERVER_ERROR), "server_eror"), 422)
    assert "did you mean `server_error`?" in problem["errors"][0]["detail"]
    assert problem["errors"][0]["pointer"] == "#/only"


def test_an_empty_list_names_nothing(client, make):
    url = f"/api/v1/batches/batch_{make.completed(SERVER_ERROR).hex}/retry"
    assert_problem(client.post(url, json={"only": []}), 422)
    assert client.post(url, json={"only": None}).status_code == 202


def test_what_is_retried_already_is_not_retried_again(retry, make):
    batch_id = make.completed(SERVER_ERROR)
    made(retry(batch_id))
    problem = assert_problem(retry(batch_id), 409, "nothing_to_retry")
    assert "in_progress" in problem["detail"]


def test_a_retry_of_a_retry_is_of_the_same_family(retry, client, make):
    batch_id = make.completed(None, SERVER_ERROR)
    first = made(retry(batch_id))
    first_id = make.begin(_key(first))
    make.fail(first_id)
    make.end()
    second = made(retry(first["id"]))
    assert second["retry_of"] == f"batch_{batch_id.hex}"
    told = client.get(f"/api/v1/batches/batch_{batch_id.hex}").json()
    assert told["retries"] == [first["id"], second["id"]]


def test_a_retry_has_what_is_left_of_the_budget(retry, make):
    batch_id = make.in_progress(2, cap=Decimal(2))
    make.succeed(make.begin(batch_id), cost="0.5")
    make.fail(make.begin(batch_id), cost="0.25")
    make.end()
    assert made(retry(batch_id))["cost"]["cap"] == "1.25"


@pytest.mark.parametrize(
    ("ends", "only", "words"),
    [
        ([None], [], "no job failed"),
        ([SERVER_ERROR], ["moderation"], "no job failed with moderation"),
        ([None, UNKNOWN], [], "only=unknown_outcome,withheld,worker_lost"),
    ],
)
def test_nothing_to_retry_says_why(retry, make, ends, only, words):
    batch_id = make.completed(*ends)
    problem = assert_problem(retry(batch_id, *only), 409, "nothing_to_retry")
    assert "nothing to retry" in problem["detail"]
    assert words in problem["detail"]


def test_a_batch_that_goes_on_is_not_retried_yet(retry, make):
    batch_id = make.in_progress(2)
    make.fail(make.begin(batch_id))
    assert "in_progress" in assert_problem(retry(batch_id), 409)["detail"]


def _key(told):

    return UUID(told["id"].removeprefix("batch_"))


def test_what_a_row_has_already_is_shown_and_downloaded_with_what_its_retry_brings(
    retry, client, make
):
    batch_id = make.in_progress()
    make.fall_short(make.begin(batch_id), b"one", b"two")
    make.end()
    again = UUID(made(retry(batch_id))["id"].removeprefix("batch_"))
    make.succeed(make.begin(again), b"three")
    make.end()
    told = client.get(f"/api/v1/batches/batch_{batch_id.hex}").json()
    assert (told["counts"]["succeeded"], told["images"]) == (1, 3)
    [job] = client.get(f"/api/v1/batches/batch_{batch_id.hex}/jobs").json()["data"]
    urls = [image["url"] for image in job["images"]]
    assert [client.get(url).content for url in urls] == [b"one", b"two", b"three"]
    archive = client.get(f"/api/v1/batches/batch_{batch_id.hex}/archive")
    names = [one.filename for one in ZipFile(BytesIO(archive.content)).infolist()]
    assert sum(name.endswith(".png") for name in names) == 3
    manifest = ZipFile(BytesIO(archive.content)).read("manifest.csv").decode()
    assert manifest.count("row-1,") == 3


def test_images_that_were_rejected_are_made_anew_within_a_budget(client, retry, lines, make):
    batch_id = make.completed(b"a picture", b"another")
    url = f"/api/v1/batches/batch_{batch_id.hex}"
    assert_problem(retry(batch_id, "rejected"), 409, "nothing_to_retry")
    first = client.get(f"{url}/jobs").json()["data"][0]
    assert client.post(f"{url}/reviews", json={"reject": [first["custom_id"]]}).status_code == 200
    told = made(client.post(f"{url}/retry", json={"only": ["rejected"], "budget": "0.25"}))
    assert lines(told) == [first["line"]]
    assert told["cost"]["cap"] == "0.25"
    counts = client.get(url).json()["counts"]
    assert (counts["total"], counts["succeeded"], counts["queued"]) == (2, 1, 1)
