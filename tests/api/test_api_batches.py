"""Batches as they are shown: counted, priced, paged, with their retries and their problems."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from desk import assert_problem

from darkroom.domain.failure import FailureClass
from darkroom.domain.problem import Problem

URL = "/api/v1/batches"


def show(client, batch_id):
    response = client.get(f"{URL}/batch_{batch_id.hex}")
    assert response.status_code == 200
    return response.json()


def test_a_new_batch_is_empty(client, make):
    told = show(client, make.validating(name="夜"))
    assert (told["name"], told["filename"]) == ("夜", "rows.jsonl")
    assert told["status"] == "validating"
    assert set(told["counts"].values()) == {0}
    assert told["in_progress_at"] is told["ended_at"] is told["retry_of"] is None
    assert told["retries"] == told["problems"] == []
    assert told["created_at"].endswith("Z")


def test_every_state_is_counted_and_money_is_exact(client, make):
    batch_id = make.in_progress(6, cap=Decimal("1.50"))
    make.succeed(make.begin(batch_id), cost="0.00593")
    make.fail(make.begin(batch_id), FailureClass.SERVER_ERROR, cost="0.001")
    lost = make.begin(batch_id)
    make.lose(lost)
    running = make.begin(batch_id)
    told = show(client, batch_id)
    assert told["counts"] == {
        "total": 6,
        "queued": 2,
        "dispatched": 0,
        "running": 1,
        "succeeded": 1,
        "failed": 2,
        "cancelled": 0,
        "expired": 0,
    }
    assert (told["unknown"], told["images"], told["ended"]) == (1, 1, False)
    assert told["cost"]["spent"] == "0.00693"
    assert told["cost"]["cap"] == "1.5"
    assert Decimal(told["cost"]["reserved"]) == running.reserved
    assert Decimal(told["cost"]["at_risk"]) == lost.reserved
    assert told["images_per_minute"] > 0
    assert told["eta_seconds"] > 0


def test_an_ended_batch_says_so(client, make):
    told = show(client, make.completed(None, None))
    assert (told["status"], told["ended"], told["eta_seconds"]) == ("completed", True, 0.0)
    assert told["ended_at"] >= told["in_progress_at"] >= told["created_at"]


def test_a_refused_file_says_what_is_wrong_with_it(client, make):
    where = {"line": 3, "column": "size", "value": "1x1", "custom_id": "mug-1"}
    told = show(client, make.refused([Problem("size_not_allowed", "no", **where)]))
    assert told["status"] == "failed"
    assert told["problems"] == [{"code": "size_not_allowed", "message": "no", **where}]


def test_many_problems_are_counted_and_paged(client, make):
    problems = [Problem("size_not_allowed", "no", line=line) for line in range(2, 37)]
    batch_id = make.refused(problems)
    told = show(client, batch_id)
    assert told["problem_count"] == 35
    assert [problem["line"] for problem in told["problems"]] == list(range(2, 12))
    seen = []
    while True:
        query = {"limit": 16, "after": len(seen)}
        page = client.get(f"{URL}/batch_{batch_id.hex}/problems", params=query).json()
        seen += page["data"]
        if not page["has_more"]:
            break
    assert [problem["line"] for problem in seen] == list(range(2, 37))
    beyond = client.get(f"{URL}/batch_{batch_id.hex}/problems", params={"after": 10**8})
    assert beyond.json() == {"data": [], "has_more": False, "next": None}


def test_a_batch_that_does_not_move_says_why(client, make):
    batch_id = make.in_progress()
    [waiting] = show(client, batch_id)["waiting"]
    assert (waiting["reason"], waiting["detail"]) == ("worker", "no worker is alive")
    client.post(f"{URL}/batch_{batch_id.hex}/pause")
    assert [one["reason"] for one in show(client, batch_id)["waiting"]] == ["person"]
    assert show(client, make.completed(None))["waiting"] == []


def test_nobody_knows_how_long_a_file_takes_that_is_not_read_yet(client, make):
    assert show(client, make.validating())["eta_seconds"] is None


def test_pages_hold_every_batch_once_newest_first(client, make):
    made = [f"batch_{make.validating().hex}" for _ in range(7)]
    seen, after = [], {}
    while True:
        page = client.get(URL, params={"limit": 3, **after}).json()
        seen += [batch["id"] for batch in page["data"]]
        if not page["has_more"]:
            break
        assert len(page["data"]) == 3
        after = {"after": seen[-1]}
    assert seen == made[::-1]
    assert client.get(URL).json()["data"][0]["id"] == made[-1]


def test_a_retry_stands_in_its_first_batch_and_not_in_the_list(client, make):
    batch_id = make.completed(None, FailureClass.SERVER_ERROR)
    retry = client.post(f"{URL}/batch_{batch_id.hex}/retry").json()
    assert retry["retry_of"] == f"batch_{batch_id.hex}"
    told = show(client, batch_id)
    assert told["retries"] == [retry["id"]]
    assert (told["status"], told["counts"]["failed"]) == ("in_progress", 0)
    assert (told["counts"]["succeeded"], told["counts"]["queued"]) == (1, 1)
    listed = client.get(URL).json()["data"]
    assert [batch["id"] for batch in listed] == [told["id"]]


@pytest.mark.parametrize("verb", ["", "/jobs", "/problems"])
def test_a_batch_that_was_never_made_is_missing(client, verb):
    problem = assert_problem(client.get(f"{URL}/batch_{'0' * 32}{verb}"), 404, "batch_not_found")
    assert "batch_000" in problem["detail"]


def test_who_knows_the_version_is_not_told_again(client, make):
    path = f"{URL}/batch_{make.validating().hex}"
    first = client.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.headers["retry-after"] == "2"
    assert first.headers["cache-control"] == "private, no-cache"
    same = client.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert (same.headers["etag"], same.headers["retry-after"]) == (tag, "2")
    client.post(f"{path}/pause")
    changed = client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_pollers_who_come_at_the_same_time_are_told_the_same(client, make):
    """A hundred, of whom one half knows only the version of before."""
    path = f"{URL}/batch_{make.validating().hex}"
    old = client.get(path).headers["etag"]
    client.post(f"{path}/pause")
    new = client.get(path).headers["etag"]
    with ThreadPoolExecutor(20) as pool:
        asked = [
            pool.submit(client.get, path, headers={"If-None-Match": tag}) for tag in (old, new) * 50
        ]
        answers = [one.result() for one in asked]
    assert [one.status_code for one in answers] == [200, 304] * 50
    assert {one.headers["etag"] for one in answers} == {new}
    shown = {one.text for one in answers if one.status_code == 200}
    assert len(shown) == 1
    assert json.loads(*shown)["paused_reason"] == "requested"


def test_what_one_was_told_is_for_no_other(client, make, new_project):
    path = f"{URL}/batch_{make.validating().hex}"
    tag = client.get(path).headers["etag"]
    other = new_project().clients["read"]
    for known in (tag, '"other"'):
        assert_problem(other.get(path, headers={"If-None-Match": known}), 404, "batch_not_found")


def test_a_version_is_the_id_of_its_event(client, make):
    path = f"{URL}/batch_{make.completed(None).hex}"
    shown = client.get(path)
    assert "retry-after" not in shown.headers
    with client.stream("GET", f"{path}/events") as stream:
        told = "".join(stream.iter_text())
    assert shown.headers["etag"] == f'W/"{told.partition("id: ")[2].split()[0]}"'
