"""Reviewing and promoting over HTTP: by name, by rule, priced before, each draft once."""

from decimal import Decimal

import pytest
from desk import assert_problem

from darkroom.domain.failure import FailureClass


@pytest.fixture
def post(client):
    """Posts below a batch."""

    def send(batch_id, verb, **body):
        return client.post(f"/api/v1/batches/batch_{batch_id.hex}/{verb}", json=body)

    return send


def _names(client, batch_id, **query):
    page = client.get(f"/api/v1/batches/batch_{batch_id.hex}/jobs", params=query).json()
    return [job["custom_id"] for job in page["data"]]


def test_names_are_judged_and_a_rule_judges_the_rest(post, client, make):
    batch_id = make.completed(None, None, None, FailureClass.MODERATION)
    rest = {"match": "row-*", "except": ["row-3"]}
    told = post(batch_id, "reviews", reject=["row-2"], approve=rest)
    assert told.status_code == 200, told.text
    expected = {"approved": 1, "rejected": 1, "undecided": 1, "changed": 2, "recalled": 0}
    assert told.json() == {"batch_id": f"batch_{batch_id.hex}", **expected}
    assert _names(client, batch_id, verdict="approved") == ["row-1"]
    assert _names(client, batch_id, verdict="rejected") == ["row-2"]
    shown = client.get(f"/api/v1/batches/batch_{batch_id.hex}").json()
    assert (shown["approved"], shown["rejected"]) == (1, 1)
    assert post(batch_id, "reviews", approve=rest).json()["changed"] == 0


def test_a_review_that_names_what_cannot_be_judged_decides_nothing(post, client, make):
    batch_id = make.completed(None, None, FailureClass.MODERATION)
    refused = post(batch_id, "reviews", approve=["row-1", "nobody"], reject=["row-1", "row-3"])
    problem = assert_problem(refused, 422)
    codes = {(error["code"], error["pointer"]) for error in problem["errors"]}
    assert codes == {
        ("custom_id_twice", "#/approve/0"),
        ("custom_id_unknown", "#/approve/1"),
        ("not_made", "#/reject/1"),
    }
    assert _names(client, batch_id, verdict="approved") == []
    assert_problem(post(batch_id, "reviews"), 422)
    assert_problem(post(batch_id, "reviews", approve=["a\0"]), 422)


def test_a_promotion_is_priced_before_and_linked_after(post, client, make):
    batch_id = make.completed(None, None, None)
    assert_problem(post(batch_id, "promote", quality="high"), 409, "nothing_to_promote")
    post(batch_id, "reviews", approve={}, reject=["row-3"])
    offer = post(batch_id, "promote/estimate", quality="high").json()
    assert (offer["calls"], offer["images"], offer["problems"]) == (2, 2, [])
    assert Decimal(offer["low"]) > Decimal("0.4")
    made = post(batch_id, "promote", quality="high", budget="3", name="finals")
    assert made.status_code == 202, made.text
    final = made.json()
    assert final["promoted_from"] == f"batch_{batch_id.hex}"
    assert (final["status"], final["name"]) == ("validating", "finals")
    assert Decimal(final["cost"]["cap"]) == 3
    assert_problem(post(batch_id, "promote", quality="high"), 409, "being_promoted")
    listed = client.get("/api/v1/batches").json()["data"]
    assert listed[0]["id"] == final["id"]


def test_what_the_model_does_not_draw_is_refused_before_anything_is_made(post, make):
    batch_id = make.completed(None)
    post(batch_id, "reviews", approve=["row-1"])
    offer = post(batch_id, "promote/estimate", quality="splendid").json()
    assert (offer["calls"], offer["problems"][0]["column"]) == (0, "quality")
    problem = assert_problem(post(batch_id, "promote", quality="splendid"), 422)
    assert problem["errors"][0]["column"] == "quality"
    assert_problem(post(batch_id, "promote", reference=True), 422)
