"""The classified reasons why an attempt brings no image, and what each asks of us."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType


class Reaction(StrEnum):
    """What a failure asks for."""

    RETRY = auto()
    """Try again after a backoff; counts against the job."""
    WAIT = auto()
    """Not the job's fault: go back to the queue, counting nothing."""
    PAUSE_KEY = auto()
    """No call with this key can succeed until a person acts; its jobs stay queued."""
    SOFTEN = auto()
    """Never send it again as it is; a batch that opted in has it tried once more with moderation low."""
    GIVE_UP = auto()
    """The same request will be refused again; the job fails for good."""
    POLICY = auto()
    """Money may have been spent: the batch's policy for unknown outcomes decides."""
    HOLD = auto()
    """Money may have been spent, and the next call would end alike: given up as unknown, the key paused."""


class FailureClass(StrEnum):
    """Whose trouble it is."""

    RATE_LIMITED = auto()
    """The provider says that we call too fast."""
    UNREACHABLE = auto()
    """No connection was made: refused, no such host, no TLS."""
    OVERLOADED = auto()
    """The provider says that it did not take the request."""
    OUTAGE = auto()
    """The provider is out of order for all calls alike: no fault of this one."""
    SERVER_ERROR = auto()
    """The provider tried and says that it failed."""
    INCOMPLETE = auto()
    """The answer held fewer images than were asked for; those are kept, the missing may be asked again."""
    KEY = auto()
    """Key, quota, billing or model access: a person must act."""
    MODERATION = auto()
    """The safety system refused this prompt or its image."""
    INVALID_REQUEST = auto()
    """The provider does not accept these parameters."""
    UNKNOWN_OUTCOME = auto()
    """Sent, and no usable answer: cut, deadline passed, a gateway's answer, a success without its image."""
    WITHHELD = auto()
    """The image was made, and lies behind a link that is not followed: so would the next one."""
    WORKER_LOST = auto()
    """The worker that had sent it died or lost its lease before it could say what came back."""
    POISON = auto()
    """Worker after worker was lost over it; it may have been sent."""
    STORE_AWAY = auto()
    """Our own database was away between the reservation and the call; nothing was sent."""
    LEASE_SHORT = auto()
    """The lease had lost its safety margin before the first byte; nothing was sent."""

    @property
    def reaction(self) -> Reaction:
        """The one reaction to this class.

        >>> FailureClass.MODERATION.reaction
        <Reaction.SOFTEN: 'soften'>
        """
        return REACTIONS[self]


REACTIONS: Mapping[FailureClass, Reaction] = MappingProxyType(
    {
        FailureClass.RATE_LIMITED: Reaction.WAIT,
        FailureClass.UNREACHABLE: Reaction.WAIT,
        FailureClass.OUTAGE: Reaction.WAIT,
        FailureClass.STORE_AWAY: Reaction.WAIT,
        FailureClass.LEASE_SHORT: Reaction.WAIT,
        FailureClass.OVERLOADED: Reaction.RETRY,
        FailureClass.SERVER_ERROR: Reaction.RETRY,
        FailureClass.INCOMPLETE: Reaction.RETRY,
        FailureClass.KEY: Reaction.PAUSE_KEY,
        FailureClass.MODERATION: Reaction.SOFTEN,
        FailureClass.INVALID_REQUEST: Reaction.GIVE_UP,
        FailureClass.UNKNOWN_OUTCOME: Reaction.POLICY,
        FailureClass.WITHHELD: Reaction.HOLD,
        FailureClass.WORKER_LOST: Reaction.POLICY,
        FailureClass.POISON: Reaction.POLICY,
    }
)
"""What each class asks for; every class has its one row."""

COSTLY = frozenset({Reaction.POLICY, Reaction.HOLD})
"""An image may have been made and billed, and nobody holds it."""

STOPPING = frozenset({Reaction.PAUSE_KEY, Reaction.HOLD})
"""No further call makes sense until a person acts."""

LOSING = frozenset({FailureClass.WORKER_LOST, FailureClass.LEASE_SHORT})
"""Between the begin of a call and its end the worker was lost, or stood still for longer than it may."""


OURS = frozenset({"reference_missing", "reference_broken", "reference_unreadable"})
"""Codes of what our own storage has lost: such a job cannot be drawn either, and nobody outside is to blame."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt brought no image.

    `code` is stable and made for programs; `message` is safe to show: it never carries a key, and the
    provider's words only where they do not repeat the prompt. `retry_after` is the provider's hint in seconds.
    `perhaps_billed`: an image may have been made and billed all the same, so that its money is at risk.
    """

    klass: FailureClass
    code: str
    message: str
    http_status: int | None = None
    retry_after: float | None = None
    perhaps_billed: bool = False

    def as_json(self) -> dict[str, object]:
        """The form in which a job and an attempt keep it."""
        return {
            "class": self.klass.value,
            "code": self.code,
            "message": self.message,
            "http_status": self.http_status,
        }
