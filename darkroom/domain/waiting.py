"""What keeps a batch from going on: a night that stands still says why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto


class WaitingFor(StrEnum):
    """What a batch waits for, the gravest first; words are only ever added."""

    PERSON = auto()
    """It is paused: somebody must act."""
    WORKER = auto()
    """No worker lives that takes its jobs."""
    BROKER = auto()
    """The broker takes no message."""
    LIMITER = auto()
    """The limiter cannot be asked: no permit, so no call."""
    WINDOW = auto()
    """It makes calls between certain times of day only."""
    DISK_SPACE = auto()
    """What comes back might find no room: an image that cannot be stored was paid for in vain."""
    STORAGE = auto()
    """The storage takes no answer, and a worker with one in hand makes no new call, or gives no picture."""
    PROVIDER = auto()
    """The provider cannot be reached; one call at a time tries."""
    COOL_DOWN = auto()
    """The provider asked for a rest."""
    RATE_LIMIT = auto()
    """Our own limits admit the next call only later."""
    DUE_TIME = auto()
    """All its jobs wait out a backoff."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that is waited for, since when, and until when at the latest, as far as that is known."""

    reason: WaitingFor
    detail: str
    since: datetime | None = None
    until: datetime | None = None
