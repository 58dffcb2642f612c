"""review and promote against canned answers: what is said is sent, the price is told first."""

import json

import pytest
from canned import BATCH_ID, OTHER_ID, batch

REVIEWS = f"/api/v1/batches/{BATCH_ID}/reviews"
OFFER = {
    "calls": 2,
    "images": 2,
    "low": "0.42",
    "high": "0.42",
    "bound": "0.5",
    "seconds": 60.0,
    "problems": [],
    "more_problems": 0,
}


@pytest.fixture
def judged(api):
    """The bodies of the reviews that were sent."""
    api.knows(batch(approved=1, rejected=0))
    told = {"approved": 1, "rejected": 1, "undecided": 0, "changed": 2, "recalled": 0}
    api.on("POST", REVIEWS, {"batch_id": BATCH_ID, **told})
    return lambda: [json.loads(body) for body in api.bodies("POST", REVIEWS)]


def test_without_options_it_tells_how_the_drafts_stand(judged, darkroom):
    outcome = darkroom("review", BATCH_ID)
    assert (outcome.status, outcome.out) == (0, "1 approved, 0 rejected, 1 undecided\n")
    assert judged() == []


def test_names_go_before_the_rule_for_the_rest(judged, darkroom, here):
    (here / "good.csv").write_text("file,custom_id\na.png,sku-1\nb.png,sku-1\nc.png,sku-2\n")
    (here / "bad.txt").write_text("sku-3\n\nsku-4\n")
    outcome = darkroom(
        *("review", BATCH_ID, "--approve-from", "good.csv", "--reject-from", "bad.txt"),
        *("--reject", "sku-5,sku-6", "--rest", "approve", "--match", "sku-*", "--except", "sku-7"),
    )
    assert outcome.status == 0, outcome.err
    assert judged() == [
        {"reject": ["sku-5", "sku-6", "sku-3", "sku-4"]},
        {"approve": ["sku-1", "sku-2"]},
        {"approve": {"match": "sku-*", "except": ["sku-7"]}},
    ]
    assert "darkroom promote" in outcome.err


def test_a_dry_run_tells_the_price_and_makes_nothing(api, darkroom):
    api.knows(batch())
    api.on("POST", f"/api/v1/batches/{BATCH_ID}/promote/estimate", OFFER)
    outcome = darkroom("promote", BATCH_ID, "--quality", "high", "--dry-run")
    assert (outcome.status, outcome.out) == (0, "")
    assert "2 finals: about $0.4200, at most $0.5000, 1 min or more" in outcome.err
    assert not any(path.endswith("/promote") for _, path, _ in api.asked)


def test_a_promotion_tells_its_price_and_prints_its_id(api, darkroom):
    api.knows(batch())
    api.on("POST", f"/api/v1/batches/{BATCH_ID}/promote/estimate", OFFER)
    made = f"/api/v1/batches/{BATCH_ID}/promote"
    api.on("POST", made, batch(id=OTHER_ID, promoted_from=BATCH_ID), status=202)
    outcome = darkroom("promote", BATCH_ID, "--quality", "high", "--reference", "--budget", "5")
    assert (outcome.status, outcome.out) == (0, f"{OTHER_ID}\n")
    [body] = api.bodies("POST", made)
    wanted = {"quality": "high", "size": None, "reference": True, "budget": "5", "name": None}
    assert json.loads(body) == wanted


def test_a_promotion_to_the_same_is_refused(api, darkroom):
    api.knows(batch())
    assert darkroom("promote", BATCH_ID).status == 2
    assert darkroom("review", BATCH_ID, "--rest", "burn").status == 2
    assert not any("promote" in path for _, path, _ in api.asked)
