"""What it will cost, what it has cost, and the raw answer of a call that may have cost something."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from desk import admitted, assert_problem

from api.projects import USUAL
from darkroom.domain.answer import KEPT, Answer, receipt_name
from darkroom.domain.attempt import Unknown
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.ids import ATTEMPT, shown
from darkroom.domain.retry import GiveUp, History

ESTIMATES, USAGE = "/api/v1/estimates", "/api/v1/usage"
LOW = {"quality": "low", "size": "1024x1024"}


@pytest.fixture
def ask(client):
    def post(**body):
        return client.post(ESTIMATES, json=body)

    return post


def test_the_price_of_rows_is_exact_where_nothing_is_open(ask):
    told = ask(
        rows=[{"prompt": "a cat"}, {"prompt": "a dog", "n": 3}], defaults=LOW, each=True
    ).json()
    # 196 output tokens an image and 2 tokens a prompt, at 30 and 5 dollars a million.
    assert (
        Decimal(told["low"]) == Decimal(told["high"]) == Decimal(4 * 196 * 30 + 2 * 2 * 5) / 10**6
    )
    assert Decimal(told["bound"]) > Decimal(told["high"])
    assert (told["rows"], told["bad_rows"], told["images"], told["problems"]) == (2, 0, 4, [])
    assert told["monthly"]["days"] == 30
    assert Decimal(told["monthly"]["high"]) == 30 * Decimal(told["high"])
    assert sum(Decimal(row["low"]) for row in told["prices"]) == Decimal(told["low"])
    assert [row["images"] for row in told["prices"]] == [1, 3]


def test_an_auto_leaves_a_range(ask):
    told = ask(rows=[{"prompt": "a cat", "size": "1024x1024"}]).json()
    low, high = Decimal("0.00588"), Decimal("0.21072")
    assert (Decimal(told["low"]) - low, Decimal(told["high"]) - high) == (Decimal("0.00001"),) * 2
    assert told["prices"] is None


def test_all_problems_of_all_rows_at_once_and_nothing_is_kept(ask, client):
    told = ask(rows=[{"prompt": "a cat", "size": "1080x1920", "n": 11}, {"prompt": "a dog"}]).json()
    assert {(one["line"], one["column"]) for one in told["problems"]} == {(1, "size"), (1, "n")}
    assert (told["bad_rows"], told["images"]) == (1, 1)
    assert client.get("/api/v1/batches").json()["data"] == []


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("data:image/png;base64,iVBOR!", "base64 is broken"),
        ("http://127.0.0.1/a.png", "loopback"),
        ("shoe.png", "upload it to /api/v1/files"),
    ],
)
def test_pictures_are_judged_as_they_will_be_when_workers_read_them(ask, client, reference, words):
    rows = [{"prompt": "x", "image": reference}]
    [problem] = ask(rows=rows).json()["problems"]
    assert (problem["line"], problem["column"]) == (1, "image")
    assert words in problem["message"]
    tried = client.post("/api/v1/batches/dry-run", json={"rows": rows}).json()
    assert (tried["accepted"], tried["problems"]) == (False, [problem])


def test_a_path_that_was_uploaded_is_none_that_leads_nowhere(ask):
    files = {"shoe.png": "file-019ab2c34d5e7f00a1b2c3d4e5f60718"}
    assert not ask(rows=[{"prompt": "x", "image": "shoe.png"}], files=files).json()["problems"]


def test_a_file_is_estimated_by_its_id(ask, make):
    file_id = shown("file-", make.file(b"prompt\na cat\na dog\n", "p.csv"))
    assert ask(input_file_id=file_id, defaults=LOW).json()["rows"] == 2
    template = ask(input_file_id=file_id, defaults=LOW, template="{{ nothing }}").json()
    assert template["problems"]
    assert_problem(ask(input_file_id="file-" + "0" * 32), 404, "file_not_found")


@pytest.mark.parametrize("body", [{}, {"rows": []}, {"rows": [{}], "input_file_id": "file-1"}])
def test_one_source_is_wanted(ask, body):
    assert_problem(ask(**body), 422)


def test_a_default_that_is_none_is_refused(ask):
    assert_problem(ask(rows=[{"prompt": "a"}], defaults={"qualty": "low"}), 422, "invalid_request")


@pytest.fixture
def usage(client):
    def get(**query):
        return client.get(USAGE, params=query)

    return get


def test_usage_adds_up_however_it_is_grouped(usage, make, project, submit):
    submitted = submit().json()["id"]
    spent = make.completed(None, None, FailureClass.UNKNOWN_OUTCOME, name="night")
    today = datetime.now(UTC).date().isoformat()
    keys = {"day": today, "project": project.id, "batch": shown("batch_", spent), "key": None}
    for grouping, key in keys.items():
        told = usage(group_by=grouping).json()
        [row] = told["data"]
        assert (row["key"], row["attempts"], row["spent"]) == (key, 3, "0.01186")
        assert Decimal(row["at_risk"]) > 0
        assert row["name"] == ("night" if grouping == "batch" else None)
    assert submitted


def test_usage_knows_the_key_that_submitted(client, project, make, usage):
    posted = client.post(
        "/api/v1/batches", json={"rows": [{"prompt": "a cat"}], "focus": project.id}
    )
    assert posted.status_code == 202
    batch_id = make.ingested()
    make.succeed(make.begin(batch_id))
    [row] = usage(group_by="key").json()["data"]
    keys = {key["id"] for key in project.clients["admin"].get("/api/v1/keys").json()["data"]}
    assert row["key"] in keys
    assert (row["name"], row["spent"]) == ("of a test", "0.00593")


def test_the_operator_compares_projects_and_nobody_else_does(desk, usage, make, project):
    make.completed(None)
    bearer = f"Bearer {admitted(desk, USUAL, 'read')}"
    with desk.client(Authorization=bearer) as operator:
        rows = operator.get(USAGE, params={"group_by": "project"}).json()["data"]
        assert {"key": project.id, "spent": "0.00593"}.items() <= {row["key"]: row for row in rows}[
            project.id
        ].items()
        [row] = operator.get(USAGE, params={"project": project.id}).json()["data"]
        assert row["spent"] == "0.00593"
    assert_problem(usage(project=USUAL), 403, "other_project")


def test_usage_is_bounded_by_date_and_by_project(usage, make, new_project):
    make.completed(None)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert usage(until=yesterday.isoformat()).json()["data"] == []
    assert new_project().clients["read"].get(USAGE).json()["data"] == []
    long_ago = (yesterday - timedelta(days=400)).isoformat()
    assert_problem(usage(since=long_ago), 422)
    assert_problem(usage(since=datetime.now(UTC).isoformat(), until=yesterday.isoformat()), 422)
    assert_problem(usage(group_by="colour"), 422)


def lost(make, batch_id, status=200):
    """An attempt whose answer was of no use, and is kept."""
    begun = make.begin(batch_id)
    failure = Failure(FailureClass.UNKNOWN_OUTCOME, "not_json", "no image", status)
    make._settle(begun, Unknown(failure, "req-1", 900), GiveUp(), History(unknowns=1))
    body = b"<html>Just a moment...</html>"
    answer = Answer(200, {"content-type": "text/html"}, body, 900)
    make.blobs.keep(receipt_name(begun.attempt_id), answer.receipt())
    return begun


def test_the_raw_answer_of_a_doubtful_attempt_is_named_and_read(client, make):
    begun = lost(make, make.in_progress())
    job = client.get(f"/api/v1/jobs/job_{begun.job_id}").json()
    [call] = job["history"]
    kept = call["raw_answer"]
    until = datetime.fromisoformat(kept["kept_until"])
    assert until - datetime.fromisoformat(call["ended_at"]) == KEPT
    raw = client.get(kept["url"])
    assert raw.content == b"<html>Just a moment...</html>"
    assert raw.headers["content-type"] == "application/octet-stream"
    assert raw.headers["x-provider-status"] == "200"
    assert raw.headers["x-provider-content-type"] == "text/html"
    assert "attachment" in raw.headers["content-disposition"]


def test_others_have_none(client, make, new_project):
    batch_id = make.in_progress(3)
    made, silent, doubtful = make.begin(batch_id), lost(make, batch_id, None), lost(make, batch_id)
    make.succeed(made)
    for begun in (made, silent):
        [call] = client.get(f"/api/v1/jobs/job_{begun.job_id}").json()["history"]
        assert call["raw_answer"] is None
        url = f"/api/v1/attempts/{shown(ATTEMPT, begun.attempt_id)}/answer"
        assert_problem(client.get(url), 404)
    url = f"/api/v1/attempts/{shown(ATTEMPT, doubtful.attempt_id)}/answer"
    assert_problem(new_project().clients["read"].get(url), 404)
    make.blobs.keep(receipt_name(doubtful.attempt_id), b"\0\0\0\7garbage")
    assert_problem(client.get(url), 404)
    make.blobs.drop(receipt_name(doubtful.attempt_id))
    assert_problem(client.get(url), 404)
    assert json.loads(client.get(url).text)["detail"]
