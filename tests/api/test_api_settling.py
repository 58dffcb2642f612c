"""Settling by the invoice: by row, by request or all at once; all lines or none, and once."""

from uuid import UUID

import pytest
from desk import assert_problem

from darkroom.domain.failure import FailureClass

UNKNOWN = FailureClass.UNKNOWN_OUTCOME


@pytest.fixture
def settle(client):
    def post(batch_id, **body):
        return client.post(f"/api/v1/batches/batch_{batch_id.hex}/settle", json=body)

    return post


@pytest.fixture
def settlements(client):
    def get(batch_id, **query):
        url = f"/api/v1/batches/batch_{batch_id.hex}/settlements"
        return client.get(url, params=query).json()

    return get


def done(response) -> dict:
    assert response.status_code == 200, response.text
    return response.json()


def line(number, outcome="billed", **more) -> dict:
    return {"custom_id": f"row-{number}", "outcome": outcome, **more}


def test_all_at_once_and_a_second_time_says_that_it_was_done(settle, settlements, make):
    batch_id = make.completed(UNKNOWN, None, UNKNOWN)
    told = done(settle(batch_id, outcome="unbilled"))
    assert (told["settled"], told["before"], told["spent"]) == (2, 0, "0")
    assert (told["batch"]["unknown"], told["batch"]["cost"]["at_risk"]) == (0, "0")
    assert told["batch"]["counts"]["failed"] == 2
    again = done(settle(batch_id, outcome="billed"))
    assert (again["settled"], again["before"], again["spent"]) == (0, 2, "0")
    first, second = settlements(batch_id)["data"]
    assert (first["custom_id"], first["outcome"], first["key_name"]) == (
        "row-1",
        "unbilled",
        "of a test",
    )
    assert settlements(batch_id, limit=1)["has_more"]
    assert settlements(batch_id, after=first["id"])["data"] == [second]


def test_line_by_line_at_the_invoices_price_or_at_what_was_reserved(
    settle, settlements, client, make
):
    batch_id = make.completed(UNKNOWN, UNKNOWN, UNKNOWN)
    page = client.get(f"/api/v1/batches/batch_{batch_id.hex}/jobs").json()["data"]
    [attempt] = client.get(f"/api/v1/jobs/{page[2]['id']}").json()["history"]
    lines = [
        line(1, cost="0.125"),
        line(2),
        {"request_id": attempt["id"].removeprefix("att_"), "outcome": "unbilled"},
    ]
    told = done(settle(batch_id, lines=lines))
    reserved = attempt["reserved"]
    assert told["settled"] == 3
    assert [one["cost"] for one in settlements(batch_id)["data"]] == ["0.125", reserved, "0"]
    assert float(told["batch"]["cost"]["spent"]) == pytest.approx(0.125 + float(reserved))
    history = client.get(f"/api/v1/jobs/{page[0]['id']}").json()["history"]
    assert (history[0]["state"], history[0]["verdict"]) == ("unknown", "billed")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (line(9), "call_not_found"),
        (line(2), "call_not_found"),
        (line(1, "unbilled"), "call_named_twice"),
        ({"request_id": "req_9", "outcome": "billed"}, "call_not_found"),
    ],
)
def test_one_bad_line_and_nothing_is_changed(settle, settlements, make, bad, code):
    """The second row has its image, and the third nobody has heard of."""
    batch_id = make.completed(UNKNOWN, None)
    problem = assert_problem(settle(batch_id, lines=[line(1), bad]), 422, "invalid_request")
    [fault], (column, *_) = problem["errors"], bad
    assert (fault["code"], fault["column"], fault["row"]) == (code, column, 2)
    assert fault["pointer"] == f"#/lines/1/{column}"
    assert settlements(batch_id)["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "maybe"},
        {"outcome": "billed", "lines": [line(1)]},
        {"lines": []},
        {"lines": [{"outcome": "billed"}]},
        {"lines": [line(1, "unbilled", cost="1")]},
        {"lines": [line(1, cost="-1")]},
        {"lines": [line(1, cost="a lot")]},
    ],
)
def test_what_cannot_be_meant_is_refused(settle, make, body):
    assert_problem(settle(make.completed(UNKNOWN), **body), 422)


def test_only_who_may_submit_settles_and_only_the_own_batches(project, new_project, make):
    batch_id = make.completed(UNKNOWN)
    url = f"/api/v1/batches/batch_{batch_id.hex}/settle"
    reader, other = project.clients["read"], new_project().clients["admin"]
    assert_problem(reader.post(url, json={"outcome": "billed"}), 403)
    assert_problem(other.post(url, json={"outcome": "billed"}), 404)
    assert_problem(other.get(url.replace("settle", "settlements")), 404)


def test_a_familys_calls_are_settled_under_either_name(settle, client, make):
    batch_id = make.completed(UNKNOWN)
    retried = client.post(f"/api/v1/batches/batch_{batch_id.hex}/retry", json={"only": ["unknown"]})
    make.lose(make.begin(UUID(retried.json()["id"].removeprefix("batch_"))))
    make.end()
    told = done(settle(batch_id, lines=[line(1, cost="0.01")]))
    assert (told["settled"], told["spent"], told["batch"]["unknown"]) == (2, "0.02", 0)
