"""What the API answers, as values; a reply of another shape raises KeyError, TypeError or ValueError."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from darkroom.cli.findings import by_image
from darkroom.domain.attempt import Disposition
from darkroom.domain.batch import BatchStatus, Cost, Counts, PausedReason
from darkroom.domain.problem import Problem

Reply = Mapping[str, Any]

PAUSED: Mapping[str, str] = {
    PausedReason.REQUESTED: "paused by a person",
    PausedReason.HELD: "held until its run goes on",
    PausedReason.BUDGET: "paused: budget",
    PausedReason.PROVIDER_KEY: "paused: the provider's key",
    PausedReason.NO_IMAGES: "paused: pays in vain",
}
"""Why a batch makes no new call, in the words of people."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the API tells it; `reply` is the whole answer."""

    id: str
    name: str | None
    filename: str | None
    provider: str
    status: BatchStatus
    paused_reason: str | None
    paused_detail: str | None
    paused_budget: str | None
    """Whose budget has no room, where it is paused for one."""
    budget_needed: Decimal | None
    """The smallest that lets its next call go, where it is paused for its own."""
    counts: Counts
    images: int
    skipped: int
    unknown: int
    mismatched: int
    cost: Cost
    images_per_minute: float
    eta_seconds: float | None
    ended: bool
    created_at: datetime
    ended_at: datetime | None
    deadline_at: datetime | None
    waits_until: datetime | None
    will_expire: int | None
    waiting: tuple[str, ...]
    """What keeps it from going on, in words."""
    problem_count: int
    problems: tuple[Problem, ...]
    """The first few."""
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> "Batch":
        return cls(
            id=reply["id"],
            name=reply["name"],
            filename=reply.get("filename"),
            provider=reply["provider"],
            status=BatchStatus(reply["status"]),
            paused_reason=reply["paused_reason"],
            paused_detail=reply["paused_detail"],
            paused_budget=reply.get("paused_budget"),
            budget_needed=_amount(reply.get("budget_needed")),
            counts=Counts(**{one.name: int(reply["counts"][one.name]) for one in fields(Counts)}),
            images=reply["images"],
            skipped=reply["skipped"],
            unknown=reply["unknown"],
            mismatched=reply["mismatched"],
            cost=_cost(reply["cost"]),
            images_per_minute=reply["images_per_minute"],
            eta_seconds=reply["eta_seconds"],
            ended=reply["ended"],
            created_at=datetime.fromisoformat(reply["created_at"]),
            ended_at=_time(reply["ended_at"]),
            deadline_at=_time(reply["deadline_at"]),
            waits_until=_time(reply["waits_until"]),
            will_expire=reply["will_expire"],
            waiting=tuple(one["detail"] for one in reply.get("waiting", ())),
            problem_count=reply.get("problem_count", len(reply["problems"])),
            problems=tuple(problem_of(one) for one in reply["problems"]),
            reply=reply,
        )

    @property
    def standing(self) -> str:
        """Where it stands, in a word or two for people."""
        if self.waits_until and not self.waits_for_person:
            return f"shut until {self.waits_until.astimezone():%m-%d %H:%M}"
        if not self.waits_for_person:
            return self.status.value.replace("_", " ")
        reason = str(self.paused_reason)
        return PAUSED.get(reason) or f"paused: {reason.replace('_', ' ')}"

    @property
    def waits_for_person(self) -> bool:
        """Whether it makes no new call until somebody acts."""
        return self.paused_reason is not None and not self.ended

    @property
    def at_rest(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        in_flight = self.counts.dispatched + self.counts.running
        return self.ended or (self.waits_for_person and not in_flight)


def _cost(reply: Reply) -> Cost:
    return Cost(
        spent=Decimal(reply["spent"]),
        reserved=Decimal(reply["reserved"]),
        at_risk=Decimal(reply["at_risk"]),
        cap=_amount(reply["cap"]),
        currency=reply["currency"],
    )


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def problem_of(reply: Reply) -> Problem:
    """What is wrong at one place of an input."""
    known = {name: reply.get(name) for name in ("line", "column", "value", "custom_id")}
    return Problem(reply["code"], reply["message"], **known)


@dataclass(frozen=True, slots=True)
class Image:
    """One stored image and where its bytes are."""

    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    url: str
    quality: str | None = None
    expired_at: str | None = None
    id: str = ""

    @classmethod
    def of(cls, reply: Reply) -> "Image":
        known: dict[str, Any] = {one.name: reply.get(one.name) for one in fields(cls)}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Job:
    """One job; `images` are those that are published."""

    id: str
    batch_id: str
    line: int
    custom_id: str
    state: str
    request: Reply
    attempts: int
    due_at: datetime
    failure: Reply | None
    cost: Decimal
    request_id: str | None
    images: tuple[Image, ...]
    mismatched: tuple[Image, ...]
    """Valid images of another size or format than asked."""
    verdict: str | None = None
    findings: Mapping[str, str] = field(default_factory=dict)
    """What checks say against its images, by the image's id."""

    @classmethod
    def of(cls, reply: Reply) -> "Job":
        def images(disposition: Disposition) -> tuple[Image, ...]:
            found = (one for one in reply["images"] if one["disposition"] == disposition)
            return tuple(Image.of(one) for one in found)

        return cls(
            id=reply["id"],
            batch_id=reply["batch_id"],
            line=reply["line"],
            custom_id=reply["custom_id"],
            state=reply["state"],
            request=reply["request"],
            attempts=reply["attempts"],
            due_at=datetime.fromisoformat(reply["due_at"]),
            failure=reply["failure"],
            cost=Decimal(reply["cost"]),
            request_id=reply["request_id"],
            images=images(Disposition.PUBLISHED),
            mismatched=images(Disposition.MISMATCH),
            verdict=reply.get("verdict"),
            findings=by_image(reply.get("checks") or ()),
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of somebody's look at the invoice."""

    settled: int
    before: int
    spent: Decimal
    freed: Decimal
    batch: Batch
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> "Settled":
        return cls(
            settled=int(reply["settled"]),
            before=int(reply["before"]),
            spent=Decimal(reply["spent"]),
            freed=Decimal(reply["freed"]),
            batch=Batch.of(reply["batch"]),
            reply=reply,
        )


@dataclass(frozen=True, slots=True)
class Settlement:
    """One word of a person about one call."""

    id: str
    created_at: datetime
    key_name: str | None
    custom_id: str
    outcome: str
    cost: Decimal
    state: str
    """How the call stands today."""
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> "Settlement":
        return cls(
            id=reply["id"],
            created_at=datetime.fromisoformat(reply["created_at"]),
            key_name=reply["key_name"],
            custom_id=reply["custom_id"],
            outcome=reply["outcome"],
            cost=Decimal(reply["cost"]),
            state=reply["state"],
            reply=reply,
        )


@dataclass(frozen=True, slots=True)
class Review:
    """How a batch's drafts stand."""

    batch_id: str
    approved: int
    rejected: int
    undecided: int
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> "Review":
        approved, rejected, undecided = (
            int(reply[name]) for name in ("approved", "rejected", "undecided")
        )
        return cls(reply["batch_id"], approved, rejected, undecided, reply)

    @classmethod
    def standing(cls, batch: Batch) -> "Review":
        """The same of a batch that was only looked at."""
        told = {name: int(batch.reply[name]) for name in ("approved", "rejected")}
        undecided = batch.counts.succeeded - sum(told.values())
        return cls.of({"batch_id": batch.id, **told, "undecided": undecided})


@dataclass(frozen=True, slots=True)
class Offer:
    """What a promotion would make and cost; `problems` counts what is wrong with some drafts."""

    calls: int
    low: Decimal
    high: Decimal
    bound: Decimal
    seconds: float | None
    problems: int
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> "Offer":
        low, high, bound = (Decimal(reply[name]) for name in ("low", "high", "bound"))
        problems = len(reply["problems"]) + int(reply["more_problems"])
        return cls(int(reply["calls"]), low, high, bound, reply["seconds"], problems, reply)


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider of which the queue remembers something, or that somebody set up."""

    name: str
    state: str
    paused_reason: str | None
    limiter: Mapping[str, Any] | None = None
    """What may be sent to it now; None where that cannot be asked."""

    @classmethod
    def of(cls, reply: Reply) -> "ProviderState":
        state, why = str(reply["state"]), reply["paused_reason"]
        return cls(str(reply["name"]), state, why, reply.get("limiter"))


@dataclass(frozen=True, slots=True)
class Key:
    """An API key; `secret` is there only in the answer that made it."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    former_until: str | None
    last_used_at: str | None
    revoked_at: str | None
    secret: str | None
    reply: Reply

    @classmethod
    def of(cls, reply: Reply) -> "Key":
        return cls(
            id=reply["id"],
            name=reply["name"],
            prefix=reply["prefix"],
            scopes=tuple(reply["scopes"]),
            created_at=reply["created_at"],
            expires_at=reply.get("expires_at"),
            former_until=reply.get("former_until"),
            last_used_at=reply.get("last_used_at"),
            revoked_at=reply.get("revoked_at"),
            secret=reply.get("key"),
            reply=reply,
        )


@dataclass(frozen=True, slots=True)
class Readiness:
    """What an API says of the parts it stands on: `ok`, or the reason why not."""

    status: str
    checks: Mapping[str, str]
    workers: int

    @classmethod
    def of(cls, reply: Reply) -> "Readiness":
        return cls(reply["status"], dict(reply["checks"]), int(reply.get("workers", 0)))


@dataclass(frozen=True, slots=True)
class Freed:
    """What garbage collection did; several passes are summed up."""

    images: int
    files: int
    answers: int
    events: int
    bytes: int
    waiting: int
    more: bool

    @classmethod
    def of(cls, reply: Reply) -> "Freed":
        return cls(**{one.name: reply[one.name] for one in fields(cls)})

    def __add__(self, later: "Freed") -> "Freed":
        counted = ("images", "files", "answers", "events", "bytes")
        sums = {name: getattr(self, name) + getattr(later, name) for name in counted}
        return replace(later, **sums)

    @property
    def reply(self) -> Reply:
        return asdict(self)
