"""What was spent, by day, project, batch or key."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Caller
from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.money import Money
from api.names import KEY, usage_cursor, usage_place
from api.native.bodies import Moment
from api.native.examples import USAGE, shows
from api.native.pages import Page, PageQuery
from api.projects import USUAL
from api.refusals import Invalid
from api.route import GuardedRoute
from darkroom.domain.ids import BATCH, shown
from darkroom.store import usage
from darkroom.store.usage import Grouping, Usage

LONGEST = timedelta(days=366)
RECENT = timedelta(days=30)
ROWS = 1_000

router = APIRouter(prefix="/usage", tags=["usage"], route_class=GuardedRoute, dependencies=[bearer])


class UsageQuery(PageQuery):
    """Which sums, over which time."""

    limit: Annotated[int, Field(ge=1, le=ROWS)] = ROWS
    group_by: Grouping = Grouping.DAY
    project: str | None = Field(None, description="Another project; for keys of the operator's.")
    since: Moment | None = Field(None, description="Thirty days before `until` if not given.")
    until: Moment | None = Field(None, description="Now if not given; not itself included.")

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """From and to; a page that follows another ends where that one did.

        Raises:
            Invalid: It ends before it begins, or is longer than a year.
        """
        _, before = usage_cursor(self.after)
        until = self.until or before or now
        since = self.since or until - RECENT
        if since >= until:
            raise Invalid.field("since", "span_empty", "must be before `until`")
        if until - since > LONGEST:
            raise Invalid.field("since", "span_too_long", "must be within a year of `until`")
        return since, until


class UsageOut(BaseModel):
    """One sum, in US dollars."""

    key: str | None = Field(description="A day (UTC), or the id of a project, a batch or a key.")
    name: str | None
    attempts: int = Field(description="Calls that ended in this time, those that failed included.")
    spent: Money
    at_risk: Money = Field(description="Reserved for calls of which nobody knows the outcome.")

    @classmethod
    def of(cls, row: Usage, grouping: Grouping) -> Self:
        return cls(
            key=_key(row, grouping),
            name=row.name,
            attempts=row.attempts,
            spent=row.spent,
            at_risk=row.at_risk,
        )


class UsagePage(Page[UsageOut]):
    """The sums: days in order, else the dearest first."""

    model_config = ConfigDict(json_schema_extra=shows(USAGE))

    group_by: Grouping
    since: datetime
    until: datetime
    currency: str = "usd"


@router.get(
    "",
    operation_id="getUsage",
    summary="Sum up what was spent",
    responses=documented(401, 403, 422, 503),
)
def show(tools: Tools, caller: Reader, asked: Annotated[UsageQuery, Query()]) -> UsagePage:
    """Sum up what the calls that ended in a time have cost."""
    since, until = asked.span(datetime.now(UTC))
    seen, _ = usage_cursor(asked.after)
    project_id = _about(caller, asked)
    with tools.transaction() as connection:
        rows = usage.usage(
            connection,
            project_id,
            since,
            until,
            grouping=asked.group_by,
            limit=asked.limit + 1,
            after=seen,
        )
    more = len(rows) > asked.limit
    return UsagePage(
        group_by=asked.group_by,
        since=since,
        until=until,
        data=[UsageOut.of(row, asked.group_by) for row in rows[: asked.limit]],
        has_more=more,
        next=usage_place(seen + asked.limit, until) if more else None,
    )


def _about(caller: Caller, asked: UsageQuery) -> str | None:
    """The project it is about; all of them where the operator compares them."""
    if asked.group_by is Grouping.PROJECT and asked.project is None and caller.project_id == USUAL:
        return None
    return caller.about(asked.project)


def _key(row: Usage, grouping: Grouping) -> str | None:
    if row.key is None:
        return None
    if isinstance(row.key, date):
        return row.key.isoformat()
    if grouping is Grouping.PROJECT:
        return str(row.key)
    return shown(BATCH if grouping is Grouping.BATCH else KEY, row.key)
