"""How long things are kept: a setting of the operator's; nothing of it is decided by who asks."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from darkroom.domain.answer import KEPT


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind of thing is kept; None: for ever."""

    images: timedelta | None = None
    """From the end of their batch."""
    files: timedelta | None = None
    """From their upload, where they have no end of their own."""
    answers: timedelta = KEPT
    """From when they came."""
    events: timedelta | None = timedelta(days=30)
    """From when they happened, with what became of telling them."""

    @classmethod
    def in_days(cls, images: int, files: int, answers: int, events: int) -> Self:
        """The same in days, as an operator sets it; 0 is for ever.

        >>> Retention.in_days(0, 0, 7, 30) == Retention()
        True
        """
        return cls(_days(images), _days(files), timedelta(days=answers), _days(events))


def _days(number: int) -> timedelta | None:
    return timedelta(days=number) if number else None
