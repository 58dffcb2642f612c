"""What a job is, and every change of state it can make."""

from dataclasses import dataclass
from enum import StrEnum, auto


class JobState(StrEnum):
    """Where a job stands; each state says who moves a job out of it."""

    QUEUED = auto()
    """Waiting for its `due_at`; moved on by dispatch, or by cancel and expiry."""
    DISPATCHED = auto()
    """Handed to a worker under a ticket; moved on by that worker, or by the reaper after 30 s."""
    RUNNING = auto()
    """One attempt holds its lease; moved on by that attempt's worker, or by the reaper."""
    SUCCEEDED = auto()
    """Its images are stored; final."""
    FAILED = auto()
    """Given up, with the failure that says why; only late evidence of an image moves it on."""
    CANCELLED = auto()
    """Stopped by a person; only late evidence of an image moves it on."""
    EXPIRED = auto()
    """Not begun before its deadline; only late evidence of an image moves it on."""


OPEN = frozenset({JobState.QUEUED, JobState.DISPATCHED, JobState.RUNNING})
"""The states in which a batch still waits for the job."""


class Fence(StrEnum):
    """What, beside its state, a job must still carry for a move to happen."""

    NONE = auto()
    TICKET = auto()
    """The token of the dispatch, not yet run out."""
    LEASE = auto()
    """The token of the attempt that holds the job."""


@dataclass(frozen=True, slots=True)
class Move:
    """One legal change of state: from any of `sources` to `target`, if the fence still holds."""

    name: str
    sources: frozenset[JobState]
    target: JobState
    fence: Fence


def _move(name: str, sources: str, target: str, fence: Fence = Fence.NONE) -> Move:
    return Move(name, frozenset(map(JobState, sources.split())), JobState(target), fence)


DISPATCH = _move("dispatch", "queued", "dispatched")
GIVE_BACK = _move("give_back", "dispatched", "queued", Fence.TICKET)
LAPSE = _move("lapse", "dispatched", "queued")
BEGIN = _move("begin", "dispatched", "running", Fence.TICKET)
UNSEND = _move("unsend", "running", "queued", Fence.LEASE)
RETRY = _move("retry", "running", "queued", Fence.LEASE)
SUCCEED = _move("succeed", "running", "succeeded", Fence.LEASE)
FAIL = _move("fail", "running", "failed", Fence.LEASE)
CANCEL = _move("cancel", "queued dispatched", "cancelled")
EXPIRE = _move("expire", "queued dispatched", "expired")
ADOPT = _move("adopt", "queued dispatched failed cancelled expired", "succeeded")

MOVES = (
    DISPATCH,
    GIVE_BACK,
    LAPSE,
    BEGIN,
    UNSEND,
    RETRY,
    SUCCEED,
    FAIL,
    CANCEL,
    EXPIRE,
    ADOPT,
)
"""Every change of state there is; the store builds its statements from these, the diagram shows them."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A move that did not happen, and why: the job is gone, in another state, or under another token."""

    move: str
    reason: "MissedReason"
    state: JobState | None = None


class MissedReason(StrEnum):
    GONE = auto()
    OTHER_STATE = auto()
    OTHER_TOKEN = auto()
    TICKET_RAN_OUT = auto()
    LEASE_RENEWED = auto()


def counter_delta(move: Move, source: JobState) -> dict[JobState, int]:
    """What one such move does to the batch's counters.

    >>> counter_delta(SUCCEED, JobState.RUNNING) == {JobState.RUNNING: -1, JobState.SUCCEEDED: 1}
    True
    """
    return {source: -1, move.target: 1}
