"""Reports: how a batch or a catalog's night went, and what to do next."""

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api import catalogs as verbs
from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.money import Money
from api.names import batch_key, catalog_name
from api.native.examples import BATCH, BATCH_ID, MORNING, NIGHT, Example, shows
from api.native.schedules import SCHEDULED, ScheduleOut
from api.native.views import CostOut, CountsOut
from api.refusals import Missing
from api.route import GuardedRoute
from darkroom.domain.batch import BatchStatus
from darkroom.domain.catalog import ItemState, VersionState
from darkroom.domain.checking import Check
from darkroom.domain.failure import FailureClass
from darkroom.domain.report import BatchReport, Step, night_steps
from darkroom.store import catalogs, insights, schedules
from darkroom.store.catalogs import Catalog
from darkroom.store.session import Connection

router = APIRouter(tags=["reports"], route_class=GuardedRoute, dependencies=[bearer])

REPORT: Example = {
    **{name: BATCH[name] for name in ("id", "name", "counts", "unknown", "cost")},
    "status": "completed",
    "paused_reason": None,
    "images": 798,
    "mismatched": 0,
    "expected": "4.75",
    "failures": [
        {
            "class": "server_error",
            "code": "server_error",
            "jobs": 2,
            "message": "the provider failed",
        }
    ],
    "failures_untold": 0,
    "slowest": [{"custom_id": "sku-9", "seconds": 41.5}],
    "flagged": [
        {
            "check": "blank",
            "images": 2,
            "reason": "one even surface: 0 of 255 grey values apart",
            "custom_id": "sku-7/front",
        }
    ],
    "next": [
        {
            "why": "it was the provider's trouble and may be over",
            "command": f"darkroom retry {BATCH_ID} --only server_error",
        }
    ],
}
NIGHT_REPORT: Example = {
    "catalog": "shop",
    "version": 42,
    "state": "published",
    "current": True,
    "counts": {"made": 2, "reused": 1, "kept": 797},
    "expected": "0.01186",
    "began_at": NIGHT,
    "concluded_at": MORNING,
    "batch": REPORT,
    "schedule": SCHEDULED,
    "next": [],
}


class FailureGroupOut(BaseModel):
    """The failed jobs of one class; `code` and `message` are those of one of them."""

    klass: FailureClass = Field(alias="class")
    jobs: int
    code: str
    message: str


class FlaggedOut(BaseModel):
    """The images that do not pass one check; `reason` and `custom_id` are those of one of them."""

    check: Check
    images: int
    reason: str
    custom_id: str


class SlowOut(BaseModel):
    """One of the calls that took longest."""

    custom_id: str
    seconds: float


class StepOut(BaseModel):
    """Something to do next."""

    why: str
    command: str

    @classmethod
    def of(cls, step: Step) -> Self:
        return cls(why=step.why, command=" ".join(("darkroom", *step.words)))


class ReportOut(BaseModel):
    """How a batch with its retries went, or goes."""

    model_config = ConfigDict(json_schema_extra=shows(REPORT))

    id: str
    name: str | None
    status: BatchStatus
    paused_reason: str | None
    counts: CountsOut
    images: int
    mismatched: int
    unknown: int = Field(description="Calls of which nobody knows whether they were billed.")
    cost: CostOut
    expected: Money | None = Field(description="The likely cost, told when its rows were read.")
    failures: list[FailureGroupOut]
    failures_untold: int = Field(description="Failed jobs that are in none of these groups.")
    slowest: list[SlowOut]
    flagged: list[FlaggedOut] = Field(description="Images that do not pass their checks.")
    next: list[StepOut]

    @classmethod
    def of(cls, report: BatchReport) -> Self:
        return cls(
            id=report.id,
            name=report.name,
            status=report.status,
            paused_reason=report.paused_reason,
            counts=CountsOut.model_validate(report.counts, from_attributes=True),
            images=report.images,
            mismatched=report.mismatched,
            unknown=report.unknown,
            cost=CostOut.model_validate(report.cost, from_attributes=True),
            expected=report.expected,
            failures=[
                FailureGroupOut.model_validate(
                    {"class": one.klass, "jobs": one.jobs, "code": one.code, "message": one.message}
                )
                for one in report.failures
            ],
            failures_untold=report.untold,
            slowest=[
                SlowOut(custom_id=one.custom_id, seconds=one.seconds) for one in report.slowest
            ],
            flagged=[
                FlaggedOut.model_validate(one, from_attributes=True) for one in report.flagged
            ],
            next=[StepOut.of(step) for step in report.steps()],
        )


class NightReportOut(BaseModel):
    """How the latest night of a catalog went, or goes; `batch` is None where no call was made."""

    model_config = ConfigDict(json_schema_extra=shows(NIGHT_REPORT))

    catalog: str
    version: int
    state: VersionState
    current: bool
    counts: dict[ItemState, int]
    expected: Money
    began_at: datetime
    concluded_at: datetime | None
    batch: ReportOut | None
    schedule: ScheduleOut | None
    next: list[StepOut]


@router.get(
    "/batches/{batch_id}/report",
    operation_id="reportBatch",
    summary="Report on a batch",
    responses=documented(401, 403, 404, 422, 503),
)
def batch(tools: Tools, caller: Reader, batch_id: str) -> ReportOut:
    """Tell how a batch went, why what failed failed, and what to do next."""
    with tools.transaction() as connection:
        found = insights.report(connection, caller.project_id, batch_key(batch_id))
    if found is None:
        raise Missing("batch", batch_id)
    return ReportOut.of(found)


@router.get(
    "/catalogs/{name}/report",
    operation_id="reportNight",
    summary="Report on a catalog",
    responses=documented(401, 403, 404, 422, 503),
)
def night(tools: Tools, caller: Reader, name: str) -> NightReportOut:
    """Tell how the latest night of a catalog went, and what to do next."""
    with tools.transaction() as connection:
        report = latest(connection, verbs.owned(connection, caller.project_id, catalog_name(name)))
    if report is None:
        raise Missing("report", name)
    return report


def latest(connection: Connection, catalog: Catalog) -> NightReportOut | None:
    """How the latest night of a catalog went, or goes; None before its first."""
    last = next(iter(catalogs.versions(connection, catalog.id, limit=1)), None)
    if last is None:
        return None
    counts = catalogs.counts(connection, catalog.id, last.number)
    scheduled = schedules.find(connection, catalog.id)
    report = last.batch_id and insights.report(connection, catalog.project_id, last.batch_id)
    known = ReportOut.of(report) if report else None
    return NightReportOut(
        catalog=catalog.name,
        version=last.number,
        state=last.state,
        current=last.current,
        counts=counts,
        expected=last.expected,
        began_at=last.created_at,
        concluded_at=last.concluded_at,
        batch=known,
        schedule=ScheduleOut.of(scheduled) if scheduled else None,
        next=[
            *map(StepOut.of, night_steps(last.number, last.state, counts)),
            *(known.next if known else ()),
        ],
    )
