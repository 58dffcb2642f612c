"""When a batch stops paying: its latest calls came to nothing, or its first have not been answered yet."""

from dataclasses import dataclass
from typing import assert_never

from darkroom.domain.attempt import Failed, NotSent, Outcome, Succeeded, Unknown, failure_of
from darkroom.domain.failure import STOPPING, FailureClass, Reaction

REMEMBERED = 60
"""Of so many of its latest calls a batch remembers what they came to."""

_OURS = frozenset({FailureClass.WORKER_LOST, FailureClass.POISON})
_OUT_OF_ORDER = frozenset({FailureClass.SERVER_ERROR, FailureClass.OUTAGE})
_SAYS_NOTHING = frozenset({Reaction.WAIT, *STOPPING})


@dataclass(frozen=True, slots=True)
class Thrift:
    """How much a batch pays in the dark: no night is spent on images that nobody can use."""

    first: int = 5
    """Until so many calls have been answered, no more than so many are in flight."""
    in_vain: int = 10
    """So many calls in vain pause the batch."""
    of: int = 20
    """Among so many of the latest that were charged, or possibly charged."""

    def room(self, answered: int, in_hand: int) -> int | None:
        """How many more calls a batch may have in hand; None where nothing but the limits says so.

        >>> Thrift().room(answered=4, in_hand=3), Thrift().room(answered=5, in_hand=30)
        (2, None)
        """
        return None if answered >= self.first else max(self.first - in_hand, 0)

    def vain(self, recent: int) -> int:
        """How many of the latest calls came to nothing; `recent` has a bit for each, the last the lowest.

        >>> Thrift().vain(0b1011), Thrift(of=2).vain(0b1011)
        (3, 2)
        """
        return (recent & (1 << self.of) - 1).bit_count()

    def stops(self, recent: int) -> bool:
        """Whether that is too many."""
        return self.vain(recent) >= self.in_vain


def in_vain(outcome: Outcome) -> bool | None:
    """Whether a call that was charged, or may have been, brought no usable image; None if it cost nothing.

    An image of another size or format than asked can be used: `--accept-mismatch` takes it. That a worker
    was lost says nothing of the images: a machine that dies with thirty calls in flight must not end the night.
    Nor must a provider that is out of order for an hour: the circuit sees to that.

    >>> from decimal import Decimal
    >>> from darkroom.domain.failure import Failure, FailureClass
    >>> blocked = Failure(FailureClass.MODERATION, "moderation_blocked", "refused")
    >>> in_vain(Failed(blocked, Decimal(0), None, 9)), in_vain(Failed(blocked, Decimal(1), None, 9))
    (None, True)
    """
    match outcome:
        case Succeeded():
            return not outcome.images
        case Unknown():
            return None if outcome.failure.klass in _OURS | _OUT_OF_ORDER else True
        case Failed():
            return True if outcome.cost else None
        case NotSent():
            return None
        case _:
            assert_never(outcome)


def is_answer(outcome: Outcome) -> bool:
    """Whether a call's end says something about what its batch asks for, and not of limits, keys or outages."""
    failure = failure_of(outcome)
    if failure is None:
        return True
    return failure.klass not in _OURS and failure.klass.reaction not in _SAYS_NOTHING
