"""Schedules of catalogs: set, looked at, given a newer plan, taken away."""

from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StrictStr

from api import schedules as verbs
from api.deps import Reader, Submitter, Tools, bearer
from api.errors import documented
from api.money import Money
from api.names import catalog_name, file_key
from api.native.bodies import Amount, Body, ChecksIn, Path, Words
from api.native.examples import FILE_ID, MORNING, NIGHT, Example, paged, shows
from api.native.pages import Page, PageQuery
from api.route import GuardedRoute
from api.schedules import Asked, Pushed
from darkroom.domain.catalog import THRESHOLD
from darkroom.domain.schedule import Missed
from darkroom.store import schedules
from darkroom.store.schedules import Scheduled

router = APIRouter(tags=["catalogs"], route_class=GuardedRoute, dependencies=[bearer])

Share = Annotated[Decimal, Field(ge=0, le=1)]

PUSH: Example = {"plan_file_id": FILE_ID, "threshold": "0.95"}
SCHEDULE: Example = {
    **PUSH,
    "cron": "0 22 * * *",
    "timezone": "Europe/Berlin",
    "deadline": "06:00",
    "budget": "80",
}
SCHEDULED: Example = {
    "catalog": "shop",
    "cron": "0 22 * * *",
    "timezone": "Europe/Berlin",
    "deadline": "06:00",
    "missed": "run",
    "budget": "80",
    "next_at": MORNING,
    "recipe": None,
    "pushed_at": NIGHT,
    "last_at": NIGHT,
    "last_version": 42,
    "said": "version 42 began: 300 images, about $1.78; plan of 11-22 20:00 UTC",
}


class PushIn(Body):
    """A newer plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=shows(PUSH))

    plan_file_id: StrictStr = Field(description="A JSONL file with a line for each item.")
    threshold: Share = THRESHOLD
    checks: ChecksIn | None = None


class ScheduleIn(PushIn):
    """When nights begin by themselves, and of which plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=shows(SCHEDULE))

    cron: Words = Field(description="Minute, hour, day, month, weekday.", examples=["0 22 * * *"])
    timezone: Words = Field("UTC", description="On whose clocks.", examples=["Europe/Berlin"])
    deadline: Words | None = Field(None, description="A time of day.", examples=["06:00"])
    missed: Missed = Field(Missed.RUN, description="What becomes of one that comes late.")
    budget: Amount | None = Field(None, description="Of each night, in US dollars.")
    recipe: Path | None = Field(None, description="Its path on the machine of a local stack.")

    def asked(self) -> Asked:
        """The same in the words of the verb."""
        return Asked(
            cron=self.cron,
            timezone=self.timezone,
            deadline=self.deadline,
            missed=self.missed,
            budget=self.budget,
            threshold=self.threshold,
            recipe=self.recipe,
            plan_file_id=file_key(self.plan_file_id),
            checks=self.checks.of_catalog() if self.checks else None,
        )


class ScheduleOut(BaseModel):
    """A schedule, and what became of the last night that was due."""

    model_config = ConfigDict(json_schema_extra=shows(SCHEDULED))

    catalog: str
    cron: str
    timezone: str
    deadline: str | None
    missed: Missed
    budget: Money | None
    next_at: datetime
    recipe: str | None
    pushed_at: datetime = Field(description="When the last plan was handed in.")
    last_at: datetime | None
    last_version: int | None
    said: str | None

    @classmethod
    def of(cls, one: Scheduled) -> Self:
        return cls(
            catalog=one.name,
            cron=one.terms.cron,
            timezone=one.terms.timezone,
            deadline=one.terms.deadline,
            missed=one.terms.missed,
            budget=one.terms.budget,
            next_at=one.due_at,
            recipe=one.terms.recipe,
            pushed_at=one.pushed_at,
            last_at=one.last_at,
            last_version=one.last_version,
            said=one.said,
        )


class SchedulePage(Page[ScheduleOut]):
    """Schedules, the one that is due next first."""

    model_config = ConfigDict(json_schema_extra=paged(SCHEDULED))


@router.get(
    "/schedules",
    operation_id="listSchedules",
    summary="List schedules",
    responses=documented(401, 403, 422, 503),
)
def list_schedules(
    tools: Tools, caller: Reader, asked: Annotated[PageQuery, Query()]
) -> SchedulePage:
    """List the schedules of all catalogs."""
    with tools.transaction() as connection:
        found = schedules.page(connection, caller.project_id)
    data = [ScheduleOut.of(one) for one in found]
    return SchedulePage.cut(data, asked, lambda one: one.catalog)


@router.put(
    "/catalogs/{name}/schedule",
    operation_id="putSchedule",
    summary="Schedule a catalog",
    responses=documented(400, 401, 403, 404, 422, 503),
)
def put(tools: Tools, caller: Submitter, name: str, body: ScheduleIn) -> ScheduleOut:
    """Let nights begin by themselves; another schedule of the catalog is replaced."""
    return ScheduleOut.of(verbs.put(tools, caller.project_id, catalog_name(name), body.asked()))


@router.put(
    "/catalogs/{name}/plan",
    operation_id="pushPlan",
    summary="Hand in a newer plan",
    responses=documented(400, 401, 403, 404, 422, 503),
)
def push(tools: Tools, caller: Submitter, name: str, body: PushIn) -> ScheduleOut:
    """Let the next scheduled night be of this plan."""
    checks = body.checks.of_catalog() if body.checks else None
    pushed = Pushed(file_key(body.plan_file_id), body.threshold, checks)
    return ScheduleOut.of(verbs.push(tools, caller.project_id, catalog_name(name), pushed))


@router.delete(
    "/catalogs/{name}/schedule",
    operation_id="deleteSchedule",
    summary="Take a schedule away",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(401, 403, 404, 422, 503),
)
def remove(tools: Tools, caller: Submitter, name: str) -> None:
    """Take a catalog's schedule away; a night that runs goes on."""
    with tools.transaction() as connection:
        verbs.remove(connection, caller.project_id, catalog_name(name))
