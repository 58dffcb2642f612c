"""Settlements: what somebody reads on the provider's invoice of calls whose outcome nobody knows."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api import settling
from api.deps import Reader, Submitter, Tools, bearer
from api.errors import documented
from api.money import Money
from api.names import KEY, SETTLEMENT, batch_key, settlement_cursor
from api.native import examples
from api.native.bodies import SettleIn
from api.native.examples import BATCH, paged, shows
from api.native.pages import LongPageQuery, Page
from api.native.views import BatchOut
from api.route import GuardedRoute
from api.settling import Outcome
from darkroom.domain.attempt import AttemptState
from darkroom.domain.ids import ATTEMPT, shown
from darkroom.domain.ids import BATCH as BATCH_ID
from darkroom.domain.invoice import Verdict
from darkroom.store.invoices import SettlementView

router = APIRouter(
    prefix="/batches", tags=["batches"], route_class=GuardedRoute, dependencies=[bearer]
)


class SettledOut(BaseModel):
    """What came of it, and the batch as it stands now."""

    model_config = ConfigDict(
        json_schema_extra=shows(
            {"settled": 2, "before": 0, "spent": "0.00593", "freed": "0.01487", "batch": BATCH}
        )
    )

    settled: int = Field(description="Calls that were settled now.")
    before: int = Field(description="Calls that had been settled before; they stay as they were.")
    spent: Money
    freed: Money = Field(description="What was at risk and is not any more, less what is spent.")
    batch: BatchOut

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        return cls(
            settled=outcome.settled.number,
            before=outcome.before,
            spent=outcome.settled.spent,
            freed=outcome.settled.freed,
            batch=BatchOut.of(outcome.batch),
        )


class SettlementOut(BaseModel):
    """One word of a person about one call; it is never changed."""

    id: str
    created_at: datetime
    key: str | None = Field(description="The API key of whoever said it.")
    key_name: str | None
    batch: str
    attempt: str
    custom_id: str
    outcome: Verdict
    at_risk: Money
    cost: Money
    state: AttemptState = Field(
        description="The call's, today; other than `unknown` where evidence came later and counts instead."
    )

    @classmethod
    def of(cls, view: SettlementView) -> Self:
        return cls(
            id=shown(SETTLEMENT, view.id),
            created_at=view.created_at,
            key=shown(KEY, view.api_key_id) if view.api_key_id else None,
            key_name=view.key_name,
            batch=shown(BATCH_ID, view.batch_id),
            attempt=shown(ATTEMPT, view.attempt_id),
            custom_id=view.custom_id,
            outcome=view.verdict,
            at_risk=view.at_risk,
            cost=view.cost,
            state=view.state,
        )


class SettlementPage(Page[SettlementOut]):
    """What was said, oldest first."""

    model_config = ConfigDict(json_schema_extra=paged(examples.SETTLEMENT))


@router.post(
    "/{batch_id}/settle",
    operation_id="settleBatch",
    summary="Settle a batch's calls of unknown outcome",
    responses=documented(400, 401, 403, 404, 408, 413, 422, 503),
)
def settle(tools: Tools, caller: Submitter, batch_id: str, body: SettleIn) -> SettledOut:
    """Settle the calls of a batch and its retries whose outcome is unknown, by the provider's invoice.

    All lines or none; a call that was settled before stays as it was.
    """
    key = batch_key(batch_id)
    with tools.transaction() as connection:
        if body.outcome is not None:
            return SettledOut.of(settling.settle_all(connection, caller, key, body.outcome))
        lines = [one.line() for one in body.lines or ()]
        return SettledOut.of(settling.settle_lines(connection, caller, key, lines))


@router.get(
    "/{batch_id}/settlements",
    operation_id="listSettlements",
    summary="List what was settled by whom",
    responses=documented(401, 403, 404, 422, 503),
)
def list_settlements(
    tools: Tools,
    caller: Reader,
    batch_id: str,
    asked: Annotated[LongPageQuery, Query()],
) -> SettlementPage:
    """List who said what of which call, and when, oldest first."""
    key, seen = batch_key(batch_id), settlement_cursor(asked.after)
    with tools.transaction() as connection:
        found = settling.told(connection, caller.project_id, key, limit=asked.limit + 1, after=seen)
    data = [SettlementOut.of(view) for view in found]
    return SettlementPage.of(data, asked.limit, lambda one: one.id)
