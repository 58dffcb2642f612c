"""Jobs by page and by state, and one with its history."""

import pytest
from desk import assert_problem
from factories import PIXEL

from darkroom.domain.failure import FailureClass


def jobs_url(batch_id):
    return f"/api/v1/batches/batch_{batch_id.hex}/jobs"


@pytest.mark.parametrize("limit", [100, 50, 249, 250, 1000])
def test_pages_hold_every_job_once_in_the_order_of_lines(client, make, limit):
    batch_id = make.in_progress(250)
    lines, after = [], {}
    while True:
        page = client.get(jobs_url(batch_id), params={"limit": limit, **after}).json()
        lines += [job["line"] for job in page["data"]]
        if not page["has_more"]:
            break
        assert len(page["data"]) == limit
        after = {"after": page["data"][-1]["id"]}
    assert lines == list(range(1, 251))


def test_a_hundred_are_shown_unless_more_are_asked_for(client, make):
    page = client.get(jobs_url(make.in_progress(101))).json()
    assert (len(page["data"]), page["has_more"]) == (100, True)


def test_states_are_asked_for_together(client, make):
    batch_id = make.in_progress(4)
    make.succeed(make.begin(batch_id))
    make.fail(make.begin(batch_id))
    make.begin(batch_id)

    def states(*wanted):
        page = client.get(jobs_url(batch_id), params={"state": list(wanted)}).json()
        return [job["state"] for job in page["data"]]

    assert states("failed") == ["failed"]
    assert states("succeeded", "queued") == ["succeeded", "queued"]
    assert states("cancelled") == []
    assert states() == ["succeeded", "failed", "running", "queued"]


def test_states_are_paged_too(client, make):
    batch_id = make.in_progress(5)
    for _ in range(3):
        make.fail(make.begin(batch_id))
    url, failed = jobs_url(batch_id), {"state": "failed", "limit": 2}
    first = client.get(url, params=failed).json()
    rest = client.get(url, params={**failed, "after": first["data"][-1]["id"]}).json()
    assert [job["line"] for job in first["data"] + rest["data"]] == [1, 2, 3]
    assert (first["has_more"], rest["has_more"]) == (True, False)


def test_a_job_is_shown_with_every_call_that_was_made_for_it(client, make):
    batch_id = make.in_progress()
    make.stumble(make.begin(batch_id))
    last = make.begin(batch_id)
    make.succeed(last, cost="0.00593")
    (listed,) = client.get(jobs_url(batch_id)).json()["data"]
    job = client.get(f"/api/v1/jobs/{listed['id']}").json()
    history = job.pop("history")
    assert job == listed
    assert (job["custom_id"], job["state"], job["attempts"]) == ("row-1", "succeeded", 2)
    assert job["request"]["prompt"] == "a cat"
    assert job["cost"] == "0.00593"
    assert job["failure"] is None
    assert job["request_id"] == f"req-{last.attempt_id.hex}"
    assert [call["number"] for call in history] == [1, 2]
    stumbled, succeeded = history
    assert (stumbled["state"], stumbled["cost"]) == ("failed", "0")
    assert stumbled["failure"] == {
        "class": "overloaded",
        "code": "made_for_a_test",
        "message": "it is a test",
        "http_status": 500,
    }
    assert succeeded["id"] == f"att_{last.attempt_id.hex}"
    assert succeeded["usage"] == {"text_tokens": 10, "image_tokens": 0, "output_tokens": 196}
    assert (succeeded["latency_ms"], succeeded["worker"]) == (1234, "worker-of-a-test")
    assert succeeded["ended_at"] >= succeeded["begun_at"] >= stumbled["ended_at"]
    assert succeeded["reserved"] == f"{last.reserved.normalize():f}"


def test_a_failed_job_says_why(client, make):
    batch_id = make.completed(FailureClass.MODERATION)
    (job,) = client.get(jobs_url(batch_id)).json()["data"]
    assert job["failure"]["class"] == "moderation"
    assert job["images"] == []
    assert job["ended_at"]


def test_a_retried_job_stands_in_the_place_of_what_it_retries(client, make):
    batch_id = make.completed(None, FailureClass.SERVER_ERROR, None)
    retry = client.post(f"/api/v1/batches/batch_{batch_id.hex}/retry").json()
    shown = client.get(jobs_url(batch_id)).json()["data"]
    assert [job["line"] for job in shown] == [1, 2, 3]
    assert [job["state"] for job in shown] == ["succeeded", "queued", "succeeded"]
    assert shown[1]["batch_id"] == retry["id"]


def test_jobs_are_found_by_name_and_by_why_they_failed(client, make):
    batch_id = make.completed(FailureClass.MODERATION, None, FailureClass.SERVER_ERROR)

    def lines(**query):
        return [job["line"] for job in client.get(jobs_url(batch_id), params=query).json()["data"]]

    assert lines(custom_id="row-2") == [2]
    assert lines(custom_id="row-9") == []
    assert lines(failure="moderation") == [1]
    assert lines(failure=["moderation", "server_error"]) == [1, 3]
    assert lines(failure="moderation", state="succeeded") == []
    assert lines(failure="moderation", custom_id="row-3") == []


@pytest.mark.parametrize(
    "query",
    ["failure=nonsense", "custom_id=%00", "custom_id=" + "x" * 513, "links=0", "links=604801"],
)
def test_a_filter_that_is_none_is_refused(client, make, query):
    problem = assert_problem(client.get(f"{jobs_url(make.in_progress())}?{query}"), 422)
    assert problem["errors"][0]["column"] == query.partition("=")[0]


def test_a_page_may_come_with_signed_links(client, stranger, make):
    url = jobs_url(make.completed(PIXEL, PIXEL))
    for job in client.get(url, params={"links": 60}).json()["data"]:
        assert stranger.get(job["images"][0]["url"]).content == PIXEL
    bare = client.get(url).json()["data"][0]["images"][0]["url"]
    assert stranger.get(bare).status_code == 401
