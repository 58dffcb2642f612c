"""Three sets of books that must agree: the provider's ledger, our attempts, and what batches and budgets count."""

from collections import Counter
from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import text
from world import World

from darkroom.domain.attempt import AttemptState
from darkroom.store.session import transaction

_OF_BATCHES = """
    SELECT b.id::text AS whose, b.spent, b.reserved, b.at_risk, coalesce(sum(a.cost), 0) AS cost,
        coalesce(sum(a.reserved) FILTER (WHERE a.state = 'running'), 0) AS running,
        coalesce(sum(a.reserved) FILTER (WHERE a.state = 'unknown' AND a.verdict IS NULL), 0) AS unknown
    FROM batches b LEFT JOIN attempts a ON a.batch_id = b.id GROUP BY b.id
"""
_OF_BUDGETS = """
    SELECT p.project_id || ' ' || p.period AS whose, p.spent, p.reserved, p.at_risk,
        coalesce(sum(a.cost), 0) AS cost,
        coalesce(sum(a.reserved) FILTER (WHERE a.state = 'running'), 0) AS running,
        coalesce(sum(a.reserved) FILTER (WHERE a.state = 'unknown' AND a.verdict IS NULL), 0) AS unknown
    FROM budgets p LEFT JOIN attempts a
        ON a.project_id = p.project_id AND p.period IN ('total', a.day::text)
    GROUP BY p.project_id, p.period
"""


def agree(world: World, unseen: Collection[str] = ()) -> None:
    """The sandbox's ledger and ours name the same calls, and the same money; `unseen` never reached it."""
    balanced(world)
    theirs = [call for call in world.sandbox.calls() if call["client_request_id"]]
    sent = [row for row in world.attempts() if row.state != AttemptState.NOT_SENT]
    ours = {row.id.hex: row for row in sent if row.id.hex not in unseen}
    assert Counter(call["client_request_id"] for call in theirs) == Counter(ours.keys())
    for call in theirs:
        row = ours[call["client_request_id"]]
        if row.state in (AttemptState.SUCCEEDED, AttemptState.FAILED):
            assert row.cost == Decimal(str(call["cost"])), call


def balanced(world: World) -> None:
    """Every batch and every budget counts what its attempts say, to the last cent; at any moment."""
    for query in (_OF_BATCHES, _OF_BUDGETS):
        with transaction(world.engine) as connection:
            rows = connection.execute(text(query)).all()
        for row in rows:
            counted, said = (
                (row.spent, row.reserved, row.at_risk),
                (row.cost, row.running, row.unknown),
            )
            assert counted == said, row.whose
