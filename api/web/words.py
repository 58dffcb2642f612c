"""What is said about a batch, a job and an attempt, in the words of whoever waits for images."""

from collections.abc import Mapping
from typing import assert_never

from darkroom.domain.batch import BatchStatus, Counts, PausedReason
from darkroom.domain.catalog import ItemState, VersionState
from darkroom.domain.failure import COSTLY, FailureClass
from darkroom.domain.job import JobState
from darkroom.domain.problem import Problem
from darkroom.domain.review import ReviewState
from darkroom.domain.schedule import Missed
from darkroom.store.insights import BatchView

BAR = 1000
"""Units of a progress bar's width."""

STATES = tuple(JobState)
REVIEWS: Mapping[ReviewState, str] = {
    ReviewState.UNDECIDED: "not judged",
    ReviewState.APPROVED: "approved",
    ReviewState.REJECTED: "rejected",
}
PAUSABLE = frozenset({BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS})

_STATUS: Mapping[BatchStatus, str] = {
    BatchStatus.VALIDATING: "Reading the list",
    BatchStatus.IN_PROGRESS: "Developing",
    BatchStatus.FINALIZING: "Finishing",
    BatchStatus.COMPLETED: "Finished",
    BatchStatus.FAILED: "Refused",
    BatchStatus.EXPIRED: "Out of time",
    BatchStatus.CANCELLING: "Cancelling",
    BatchStatus.CANCELLED: "Cancelled",
}
_FAILURE: Mapping[FailureClass, str] = {
    FailureClass.RATE_LIMITED: "Rate limited",
    FailureClass.UNREACHABLE: "Provider could not be reached",
    FailureClass.OVERLOADED: "Provider was overloaded",
    FailureClass.OUTAGE: "Provider was out of service",
    FailureClass.SERVER_ERROR: "Provider failed",
    FailureClass.INCOMPLETE: "Fewer images than asked",
    FailureClass.KEY: "Key, quota or access refused",
    FailureClass.MODERATION: "Refused by the safety system",
    FailureClass.INVALID_REQUEST: "Parameters refused",
    FailureClass.UNKNOWN_OUTCOME: "No usable answer; may have been billed",
    FailureClass.WITHHELD: "Behind a link that is not followed; may have been billed",
    FailureClass.WORKER_LOST: "Worker lost; may have been billed",
    FailureClass.POISON: "Lost worker after worker; may have been billed",
    FailureClass.STORE_AWAY: "Not sent: our database was away",
    FailureClass.LEASE_SHORT: "Not sent: the lease was too short",
}


_ITEM: Mapping[ItemState, str] = {
    ItemState.WAITING: "being made",
    ItemState.MADE: "made",
    ItemState.REUSED: "bought before",
    ItemState.KEPT: "unchanged",
    ItemState.STALE: "out of date",
    ItemState.MISSING: "missing",
    ItemState.REMOVED: "no longer in the table",
}
_NIGHT: Mapping[VersionState, str] = {
    VersionState.MAKING: "Being made",
    VersionState.CANDIDATE: "Candidate",
    VersionState.PUBLISHED: "Published before",
}


def tone(view: BatchView) -> str:
    """How a batch is doing, as one of four looks.

    `live` is at work, `wait` needs somebody or something, `done` is over and well, `flaw` is over and not.
    """
    if view.paused_reason is not None:
        return "wait"
    if not view.ended:
        return "live"
    flawed = view.status is not BatchStatus.COMPLETED or view.counts.failed or view.counts.expired
    return "flaw" if flawed else "done"


def status(view: BatchView) -> str:
    """Where a batch stands, in a word or two."""
    if view.paused_reason is not None:
        return "Paused"
    if view.status is BatchStatus.COMPLETED and view.counts.failed:
        return "Finished, with failures"
    return _STATUS[view.status]


def reason(view: BatchView) -> str | None:
    """Why a batch waits, and what would make it go on; None where it does not wait."""
    if view.paused_reason is not None:
        said = _paused(PausedReason(view.paused_reason))
        return f"{said.rstrip('.')}: {view.paused_detail}" if view.paused_detail else said
    if view.status is BatchStatus.FAILED:
        return "The list cannot be used as it is. Nothing was sent and nothing spent."
    idle = not view.counts.running and not view.images_per_minute
    if view.status is BatchStatus.IN_PROGRESS and view.counts.open and idle:
        return "Waiting for a free slot or for the provider's limits."
    return None


def _paused(why: PausedReason) -> str:
    match why:
        case PausedReason.REQUESTED:
            return "Somebody paused it. Resume it to go on."
        case PausedReason.HELD:
            return "Whoever was waiting for it was interrupted. Resume it to go on."
        case PausedReason.BUDGET:
            return "The next image might not fit into a budget."
        case PausedReason.PROVIDER_KEY:
            return "Calls to its provider are stopped. Mend what it names, then resume."
        case PausedReason.NO_IMAGES:
            return "It pays and gets nothing. See what failed and why, then resume."
        case _:
            assert_never(why)


def segments(counts: Counts) -> list[tuple[str, float, float]]:
    """The parts of a progress bar: name, begin and width.

    >>> segments(Counts(total=4, succeeded=2, failed=1, queued=1))
    [('made', 0.0, 500.0), ('flaw', 500.0, 250.0)]
    """
    begin, parts = 0.0, []
    lost = counts.failed + counts.expired + counts.cancelled
    for name, number in (("made", counts.succeeded), ("flaw", lost), ("busy", counts.running)):
        if number:
            width = BAR * number / max(counts.total, 1)
            parts.append((name, round(begin, 2), round(width, 2)))
            begin += width
    return parts


def percent(counts: Counts) -> int:
    """How much of a batch has ended, never 100 before its last job.

    >>> percent(Counts(total=1000, succeeded=999, running=1)), percent(Counts())
    (99, 0)
    """
    return (counts.total - counts.open) * 100 // counts.total if counts.total else 0


def may_cost_again(klass: FailureClass) -> bool:
    """Whether jobs of this class may have been paid for, so that trying again may pay twice."""
    return klass.reaction in COSTLY


def failure(klass: str) -> str:
    """A class of failures, in a few words.

    >>> failure("moderation")
    'Refused by the safety system'
    """
    return _FAILURE[FailureClass(klass)]


def item(state: ItemState) -> str:
    """How an item of a catalog came by its image, in a few words."""
    return _ITEM[state]


def night(state: VersionState) -> str:
    """Where a version of a catalog stands that is not the current one."""
    return _NIGHT[state]


def missed(policy: Missed) -> str:
    """What becomes of a night whose time came while nothing ran."""
    match policy:
        case Missed.RUN:
            return "begins as soon as it can"
        case Missed.SKIP:
            return "is left out"
        case _:
            assert_never(policy)


def limit(name: str) -> str:
    """What is counted by the minute, in words.

    >>> limit("input_images"), limit("pace")
    ('input images', 'images as we pace ourselves')
    """
    return "images as we pace ourselves" if name == "pace" else name.replace("_", " ")


def place_of(problem: Problem) -> str:
    """Where a problem stands, for a table of them.

    >>> place_of(Problem("x", "y", line=3, column="size")), place_of(Problem("x", "y"))
    ('line 3, size', 'the list')
    """
    where = [f"line {problem.line}"] if problem.line is not None else []
    where += [problem.column] if problem.column else []
    return ", ".join(where) or "the list"
