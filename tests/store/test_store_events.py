"""What happens to batches, budgets, keys and endpoints is announced in the transaction in which it happens, once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from stage import succeeded

from darkroom.domain.batch import BudgetOf, PausedReason
from darkroom.domain.event import EventType
from darkroom.domain.ids import BATCH, WEBHOOK, shown
from darkroom.store import batches, budgets, endings, jobs, outbox, pausing, webhooks
from darkroom.store.budgets import TOTAL, Allowance
from darkroom.store.session import transaction


@pytest.fixture
def told(stage):
    """What an endpoint that asks for everything is to be told: types and data, the first first."""
    endpoint_id = stage.call(
        webhooks.add,
        uuid4(),
        "default",
        url="https://a.example",
        secret="x",
        wanted=list(EventType),
    ).id

    def look():
        query = (
            "SELECT e.type, e.data FROM webhook_deliveries d JOIN events e ON e.id = d.event_id"
            " WHERE d.endpoint_id = :id ORDER BY d.id"
        )
        return [(row.type, row.data) for row in stage.rows(query, id=endpoint_id)]

    return look


def _end(stage):
    stage.call(endings.finalize)
    stage.call(endings.complete)


def test_a_batch_that_expired_or_was_cancelled_is_told_by_its_id(stage, told):
    late = stage.batch(2, deadline_at=datetime.now(UTC) + timedelta(hours=1))
    stage.sql("UPDATE batches SET deadline_at = now() - interval '1 s'")
    stage.call(jobs.expire, late, 10)
    _end(stage)
    dropped = stage.batch(2)
    assert stage.call(batches.cancel, dropped)
    stage.call(jobs.cancel, dropped, 10)
    _end(stage)
    assert told() == [
        ("batch.expired", {"id": shown(BATCH, late)}),
        ("batch.cancelled", {"id": shown(BATCH, dropped)}),
    ]


def test_a_lone_request_is_told_to_nobody_but_its_caller(stage, told):
    alone = stage.batch(1, lone=True)
    assert stage.call(batches.cancel, alone)
    stage.call(jobs.cancel, alone, 10)
    _end(stage)
    assert stage.batch_row(alone).status == "cancelled"
    assert told() == []


def test_a_pause_for_a_budget_and_one_for_a_key_are_told_with_their_reason(stage, told):
    poor = stage.batch(1, cap="0.5")
    with transaction(stage.engine) as connection:
        assert pausing.pause_for_budget(connection, poor, Decimal(1), BudgetOf.BATCH, "full")
        outbox.paused(connection, [poor])
    key = stage.batch(1)
    assert stage.call(batches.pause_key, "default", "no key") == 1
    paused = [data for kind, data in told() if kind == "batch.paused"]
    assert [(one["id"], one["reason"]) for one in paused] == [
        (shown(BATCH, poor), "budget"),
        (shown(BATCH, key), "provider_key"),
    ]


def test_the_marks_of_budgets_are_told_once(stage, told):
    stage.call(budgets.allow, {"default": Allowance(total=Decimal(4))})
    batch_id = stage.batch(1, cap="2")
    stage.settle(stage.begin(stage.dispatch(batch_id)[0]), succeeded("2"))
    for _ in range(2):
        with transaction(stage.engine) as connection:
            outbox.thresholds(connection, pausing.reached(connection))
    own = {"id": shown(BATCH, batch_id), "percent": 80, "cap": "2", "period": None}
    assert told() == [
        ("budget.threshold", own),
        ("budget.threshold", {"id": None, "percent": 50, "cap": "4", "period": TOTAL}),
    ]


def test_a_deaf_endpoint_is_disabled_after_half_a_day_and_the_others_hear_of_it(stage, told):
    deaf = stage.call(
        webhooks.add,
        uuid4(),
        "default",
        url="https://b.example",
        secret="x",
        wanted=["batch.paused"],
    ).id
    batch_id = stage.batch(1)
    with transaction(stage.engine) as connection:
        batches.pause(connection, batch_id, PausedReason.REQUESTED, None)
    [letter] = [one for one in stage.call(webhooks.claim, 5) if one.endpoint_id == deaf]
    assert not stage.call(webhooks.given_up, letter, None, "nobody there", gone=False)
    stage.sql("UPDATE webhook_endpoints SET failing_since = now() - interval '13 h' WHERE id = :id", id=deaf)  # fmt: skip
    assert stage.call(webhooks.given_up, letter, None, "nobody there", gone=False)
    stage.call(outbox.endpoint_disabled, deaf)
    data = {"id": shown(WEBHOOK, deaf), "reason": "nobody there"}
    assert told()[-1] == ("webhook.disabled", data)
    assert len(stage.call(webhooks.deliveries, deaf, limit=9)) == 1
