"""What the native dialect answers with: the read side's views as JSON."""

from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from api.money import Money
from api.native.examples import ATTEMPT, BATCH, FILE, JOB, PROBLEM, paged, shows
from api.native.pages import Page
from darkroom.domain import ids
from darkroom.domain.attempt import AttemptState, Disposition
from darkroom.domain.batch import BatchStatus, BudgetOf, PausedReason
from darkroom.domain.checking import Check
from darkroom.domain.ids import shown
from darkroom.domain.invoice import Verdict
from darkroom.domain.job import JobState
from darkroom.domain.review import Judgement
from darkroom.domain.waiting import WaitingFor
from darkroom.store.files import File
from darkroom.store.insights import AttemptView, BatchView, ImageView, JobView


class FileOut(BaseModel):
    """An uploaded file."""

    model_config = ConfigDict(json_schema_extra=shows(FILE))

    id: str
    filename: str
    bytes: int
    sha256: str
    purpose: str
    created_at: datetime

    @classmethod
    def of(cls, file: File) -> Self:
        return cls(
            id=shown(ids.FILE, file.id),
            filename=file.filename,
            bytes=file.bytes,
            sha256=file.sha256,
            purpose=file.purpose,
            created_at=file.created_at,
        )


class FilePage(Page[FileOut]):
    """The files that were asked for."""

    model_config = ConfigDict(json_schema_extra=paged(FILE))


class CountsOut(BaseModel):
    """How many jobs stand where."""

    total: int
    queued: int
    dispatched: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


class CostOut(BaseModel):
    """What is spent, what the calls in flight may still cost, and what nobody knows."""

    spent: Money
    reserved: Money
    at_risk: Money
    cap: Money | None
    currency: str


class ProblemOut(BaseModel):
    """One thing wrong at one place of the input file."""

    code: str
    message: str
    line: int | None = None
    column: str | None = None
    value: str | None = None
    custom_id: str | None = None


class ProblemPage(Page[ProblemOut]):
    """What was wrong with an input file, in the order of its lines."""

    model_config = ConfigDict(json_schema_extra=paged(PROBLEM))


class WaitingOut(BaseModel):
    """One thing that keeps a batch from going on."""

    reason: WaitingFor
    detail: str = Field(description="For people.")
    since: datetime | None
    until: datetime | None = Field(description="When it is over at the latest, where known.")


class CheckedOut(BaseModel):
    """How far what arrived was looked at."""

    looked: int = Field(description="Images that were looked at.")
    flagged: int = Field(description="Of these: that do not pass.")
    open: bool = Field(description="Whether more are to be looked at.")


class FindingOut(BaseModel):
    """A check that an image does not pass."""

    image_id: str
    check: Check
    reason: str


class BatchOut(BaseModel):
    """A batch with its retries, the latest result of every custom_id counted once."""

    model_config = ConfigDict(json_schema_extra=shows(BATCH))

    id: str
    name: str | None
    filename: str | None = Field(
        description="The input file's; null where it was made of another batch."
    )
    provider: str = Field(description="Who draws it; `sandbox` draws placeholders.")
    status: BatchStatus
    paused_reason: PausedReason | None
    paused_detail: str | None
    paused_budget: BudgetOf | None = Field(
        description="Whose budget has no room: only the batch's own is raised by `resume`."
    )
    budget_needed: Money | None = Field(
        description="The smallest budget under which `resume` lets its next call go, where it waits for that."
    )
    counts: CountsOut
    unknown: int = Field(
        description="Attempts that left us and of which nobody knows the outcome, nor has settled it."
    )
    images: int
    mismatched: int = Field(
        description="Images of another size or format than asked, not published."
    )
    skipped: int = Field(description="Bad rows that were left out.")
    cost: CostOut
    images_per_minute: float
    eta_seconds: float | None = Field(description="null where nobody knows.")
    waiting: list[WaitingOut] = Field(
        description="What keeps it from going on, the gravest first; empty while it goes on."
    )
    ended: bool = Field(description="Nothing more will happen to it or its retries by itself.")
    created_at: datetime
    in_progress_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    window: str | None = Field(description="The times of day between which it makes calls.")
    timezone: str | None
    waits_until: datetime | None = Field(description="When its window opens next, if it is shut.")
    will_expire: int | None = Field(
        description="Jobs that the deadline will overtake at the pace of the last minute; null: no pace yet."
    )
    priority: int = Field(description="Of two batches that wait, the higher goes first.")
    retry_of: str | None
    retries: list[str]
    approved: int = Field(description="Jobs whose images a person has approved.")
    rejected: int
    promoted_from: str | None = Field(description="The batch of the drafts that these are made of.")
    checks: CheckedOut | None = Field(description="null where nobody asked for checks.")
    problem_count: int
    problems: list[ProblemOut] = Field(
        description="The first ten; all are at /api/v1/batches/{id}/problems."
    )

    @classmethod
    def of(cls, view: BatchView) -> Self:
        return cls(
            id=shown(ids.BATCH, view.id),
            name=view.name,
            filename=view.filename,
            provider=view.provider,
            status=view.status,
            paused_reason=PausedReason(view.paused_reason) if view.paused_reason else None,
            paused_detail=view.paused_detail,
            paused_budget=view.paused_budget,
            budget_needed=view.budget_needed,
            counts=CountsOut.model_validate(view.counts, from_attributes=True),
            unknown=view.unknown,
            images=view.images,
            mismatched=view.mismatched,
            skipped=view.skipped,
            cost=CostOut.model_validate(view.cost, from_attributes=True),
            images_per_minute=view.images_per_minute,
            eta_seconds=view.eta_seconds,
            waiting=[WaitingOut.model_validate(w, from_attributes=True) for w in view.waiting],
            ended=view.ended,
            created_at=view.created_at,
            in_progress_at=view.in_progress_at,
            ended_at=view.ended_at,
            deadline_at=view.deadline_at,
            window=view.outlook.hours,
            timezone=view.outlook.timezone,
            waits_until=view.outlook.waits_until,
            will_expire=view.outlook.will_expire,
            priority=view.priority,
            retry_of=shown(ids.BATCH, view.retry_of) if view.retry_of else None,
            retries=[shown(ids.BATCH, retry) for retry in view.retries],
            approved=view.approved,
            rejected=view.rejected,
            promoted_from=shown(ids.BATCH, view.promoted_from) if view.promoted_from else None,
            checks=CheckedOut.model_validate(view.checked, from_attributes=True)
            if view.checked
            else None,
            problem_count=view.problem_count,
            problems=[ProblemOut.model_validate(problem) for problem in view.problems],
        )


class BatchPage(Page[BatchOut]):
    """Batches, newest first."""

    model_config = ConfigDict(json_schema_extra=paged(BATCH))


class FailureOut(BaseModel):
    """Why an attempt, or the job in the end, brought no image."""

    klass: str = Field(alias="class")
    code: str
    message: str
    http_status: int | None = None


class ImageOut(BaseModel):
    """One stored image."""

    id: str
    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    quality: str | None = Field(description="As the provider says: what became of an `auto`.")
    disposition: Disposition
    url: str
    expired_at: datetime | None = Field(
        description="Since when its bytes are gone: it was kept for as long as the operator keeps images."
    )

    @classmethod
    def of(cls, view: ImageView) -> Self:
        image_id = f"{shown(ids.IMAGE, view.attempt_id)}-{view.index}"
        return cls(
            id=image_id,
            sha256=view.sha256,
            bytes=view.bytes,
            format=view.format,
            width=view.width,
            height=view.height,
            quality=view.quality,
            disposition=Disposition(view.disposition),
            url=f"/api/v1/images/{image_id}",
            expired_at=view.expired_at,
        )


class JobOut(BaseModel):
    """One job with its images."""

    model_config = ConfigDict(json_schema_extra=shows(JOB))

    id: str
    batch_id: str
    line: int
    custom_id: str
    state: JobState
    request: dict[str, Any] = Field(description="What the provider is sent.")
    attempts: int
    due_at: datetime
    ended_at: datetime | None
    failure: FailureOut | None
    cost: Money = Field(description="Of all its attempts.")
    request_id: str | None = Field(description="The provider's, of the last answer.")
    images: list[ImageOut]
    verdict: Judgement | None = Field(description="What a person said of its images, or a check.")
    checks: list[FindingOut] | None = Field(
        description="What was found wrong with its images; null where nobody looked at them."
    )

    @classmethod
    def of(cls, view: JobView, **more: Any) -> Self:
        return cls(
            id=shown(ids.JOB, view.id),
            batch_id=shown(ids.BATCH, view.batch_id),
            line=view.line,
            custom_id=view.custom_id,
            state=view.state,
            request=dict(view.request),
            attempts=view.begun,
            due_at=view.due_at,
            ended_at=view.ended_at,
            failure=FailureOut.model_validate(view.failure) if view.failure else None,
            cost=view.cost,
            request_id=view.request_id,
            images=[ImageOut.of(image) for image in view.images],
            verdict=view.verdict,
            checks=_findings(view) if view.findings else None,
            **more,
        )


def _findings(view: JobView) -> list[FindingOut]:
    return [
        FindingOut(
            image_id=f"{shown(ids.IMAGE, attempt_id)}-{index}", check=one.check, reason=one.reason
        )
        for (attempt_id, index), found in view.findings.items()
        for one in found
    ]


class JobPage(Page[JobOut]):
    """Jobs in the order of their lines."""

    model_config = ConfigDict(json_schema_extra=paged(JOB))


class RawAnswerOut(BaseModel):
    """Where the provider's own bytes can be read, and until when."""

    url: str
    kept_until: datetime

    @classmethod
    def of(cls, view: AttemptView, kept: timedelta) -> Self | None:
        until = view.answer_kept_until(kept)
        if until is None:
            return None
        return cls(url=f"/api/v1/attempts/{shown(ids.ATTEMPT, view.id)}/answer", kept_until=until)


class AttemptOut(BaseModel):
    """One call that was made for a job."""

    id: str
    number: int
    state: AttemptState
    worker: str
    provider: str
    begun_at: datetime
    ended_at: datetime | None
    reserved: Money
    cost: Money
    usage: dict[str, int] | None
    request_id: str | None
    latency_ms: int | None
    failure: FailureOut | None
    verdict: Verdict | None = Field(
        description="Of unknown outcome, and what somebody read on the invoice."
    )
    raw_answer: RawAnswerOut | None = Field(
        description="There where an answer came that held less than was paid for."
    )

    @classmethod
    def of(cls, view: AttemptView, kept: timedelta) -> Self:
        return cls(
            id=shown(ids.ATTEMPT, view.id),
            number=view.number,
            state=view.state,
            worker=view.worker,
            provider=view.provider,
            begun_at=view.begun_at,
            ended_at=view.ended_at,
            reserved=view.reserved,
            cost=view.cost,
            usage=dict(view.usage) if view.usage else None,
            request_id=view.request_id,
            latency_ms=view.latency_ms,
            failure=FailureOut.model_validate(view.failure) if view.failure else None,
            raw_answer=RawAnswerOut.of(view, kept),
            verdict=Verdict(view.verdict) if view.verdict else None,
        )


class JobDetail(JobOut):
    """One job with its images and every call that was made for it."""

    model_config = ConfigDict(json_schema_extra=shows({**JOB, "history": [ATTEMPT]}))

    history: list[AttemptOut]
