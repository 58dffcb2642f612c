"""What one call to the provider is, how it can end, and what it leaves behind."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum, auto
from uuid import UUID

from darkroom.domain.failure import Failure, FailureClass, Reaction
from darkroom.domain.pricing import Usage


class AttemptState(StrEnum):
    """Where an attempt stands."""

    RUNNING = auto()
    """Begun and reserved; its worker ends it, or the reaper when the lease is lost."""
    SUCCEEDED = auto()
    """Answered with usable images and paid for; final."""
    FAILED = auto()
    """Answered with a refusal, or answered in vain; final."""
    NOT_SENT = auto()
    """Nothing reached the socket; refunded; final."""
    UNKNOWN = auto()
    """It left us and nobody knows what it cost; late evidence replaces it, nothing else."""


class Disposition(StrEnum):
    """What became of a stored image."""

    PUBLISHED = auto()
    """The job's image."""
    MISMATCH = auto()
    """A valid image of another size or format than asked: kept and shown, not published by itself."""
    SURPLUS = auto()
    """Bought for a job that already had its image: kept and listed, never published."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One image of an answer, as it lies in the blob store; `index` counts from 0 within the answer."""

    index: int
    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    disposition: Disposition = Disposition.PUBLISHED
    quality: str | None = None
    """As the answer says: what became of an `auto`."""
    crc32: int | None = None
    """What archives hold beside it; None where it was stored before they did."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The right to one call: an attempt row that is committed, its fencing token and its worst-case cost.

    The budgets of this project and of this day of its bear the cost, whenever it becomes known.
    """

    attempt_id: UUID
    job_id: int
    batch_id: UUID
    number: int
    token: int
    reserved: Decimal
    project_id: str
    day: date


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The provider answered with images that are safe in the store; `shortfall` where they are too few."""

    images: tuple[StoredImage, ...]
    usage: Usage | None
    cost: Decimal
    request_id: str | None
    latency_ms: int
    shortfall: Failure | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider answered and there is no image; `cost` is what its answer says it billed."""

    failure: Failure
    cost: Decimal
    request_id: str | None
    latency_ms: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing was handed to the socket; `failure` says what stood in the way."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Unknown:
    """It left us, and whether an image was made and billed is not known, whatever its class says of a retry."""

    failure: Failure
    request_id: str | None
    latency_ms: int | None


def failure_of(outcome: "Outcome") -> Failure | None:
    """What keeps the job from being done by this outcome; None where nothing does."""
    return outcome.shortfall if isinstance(outcome, Succeeded) else outcome.failure


def excused(outcome: "Outcome") -> "Outcome":
    """The same ending, not held against its job: the provider is out of order for everybody.

    >>> from darkroom.domain.failure import FailureClass
    >>> broken = Failed(Failure(FailureClass.SERVER_ERROR, "server_error", ""), Decimal(0), None, 9)
    >>> excused(broken).failure.klass
    <FailureClass.OUTAGE: 'outage'>
    """
    if not isinstance(outcome, Failed | Unknown):
        return outcome
    if outcome.failure.klass.reaction is not Reaction.RETRY:
        return outcome
    return replace(outcome, failure=replace(outcome.failure, klass=FailureClass.OUTAGE))


def hopeless(outcome: "Outcome") -> "Outcome":
    """The same ending, given up: the same call would be refused however often it is sent.

    >>> from darkroom.domain.failure import FailureClass
    >>> refused = Failed(Failure(FailureClass.RATE_LIMITED, "rate_limit_exceeded", ""), Decimal(0), None, 9)
    >>> hopeless(refused).failure.klass
    <FailureClass.INVALID_REQUEST: 'invalid_request'>
    """
    if not isinstance(outcome, Failed):
        return outcome
    return replace(outcome, failure=replace(outcome.failure, klass=FailureClass.INVALID_REQUEST))


Outcome = Succeeded | Failed | NotSent | Unknown
"""How an attempt can end."""
