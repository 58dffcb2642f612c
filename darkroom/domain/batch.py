"""What a batch is: its statuses, what it counts, and what it costs."""

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum, auto


class BatchStatus(StrEnum):
    """OpenAI's eight words for where a batch stands.

    https://platform.openai.com/docs/api-reference/batch/object
    """

    VALIDATING = auto()
    """Its file is being read; moved on by ingest."""
    IN_PROGRESS = auto()
    """Its jobs are worked on; moved on by finalize when none is open."""
    FINALIZING = auto()
    """All jobs are ended; moved on by finalize."""
    COMPLETED = auto()
    FAILED = auto()
    """Its file was refused; nothing was spent."""
    EXPIRED = auto()
    CANCELLING = auto()
    """No new call is made; moved on by finalize when the calls in flight have ended."""
    CANCELLED = auto()


TERMINAL = frozenset(
    {BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED}
)
"""A batch in one of these never reopens; `retry` makes a new one that is linked to it."""


class PausedReason(StrEnum):
    """Why a batch that is in progress makes no new call."""

    REQUESTED = auto()
    """A person said `pause`."""
    HELD = auto()
    """The `run` that watched it was interrupted; the same command goes on."""
    BUDGET = auto()
    """The next call's worst case no longer fits under the cap."""
    PROVIDER_KEY = auto()
    """The provider refused the key, its quota or its access to the model."""
    NO_IMAGES = auto()
    """Too many of its latest calls were charged, or may have been, and brought no usable image."""


class BudgetOf(StrEnum):
    """Whose budget has no room: it says who can raise it, and where."""

    BATCH = auto()
    """Raised by `resume`."""
    PROJECT = auto()
    """In all; raised in darkroom.toml."""
    DAY = auto()
    """The project's, of this day; raised in darkroom.toml, and new tomorrow."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs stand where; kept in the transaction of every move."""

    total: int = 0
    queued: int = 0
    dispatched: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0

    @property
    def open(self) -> int:
        """Jobs that are still waited for.

        >>> Counts(total=5, queued=2, running=1, failed=2).open
        3
        """
        return self.queued + self.dispatched + self.running

    def __add__(self, other: "Counts") -> "Counts":
        """The counts of two batches together."""
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Cost:
    """A batch's money in US dollars: what is known, what is promised, what nobody knows."""

    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    """The worst case of the calls in flight."""
    at_risk: Decimal = Decimal(0)
    """The reservations of attempts whose outcome is unknown."""
    cap: Decimal | None = None
    currency: str = "usd"

    @property
    def room(self) -> Decimal | None:
        """What a new call may still reserve; None where there is no cap.

        >>> Cost(spent=Decimal(3), at_risk=Decimal(1), cap=Decimal(10)).room
        Decimal('6')
        """
        return None if self.cap is None else self.cap - self.committed

    @property
    def committed(self) -> Decimal:
        """What is spent, reserved and at risk together."""
        return self.spent + self.reserved + self.at_risk
