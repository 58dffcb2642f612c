"""What this process holds right now: tickets that it has not begun, and attempts whose leases it renews."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from darkroom.domain.waiting import WaitingFor

Ticket = tuple[int, int]
"""A job's id and the token it was dispatched under."""


@dataclass(frozen=True, slots=True)
class Held:
    """That this process hands nothing out: why, and since when, on the stopwatch."""

    reason: WaitingFor
    since: float
    said_at: float = float("-inf")


class Holdings:
    """Shared by the threads of a worker, the heartbeat and the drain."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._tickets: set[Ticket] = set()
        self._attempts: set[UUID] = set()
        self._calls: dict[UUID, str] = {}
        self._stuck = 0
        self.outage_at = float("-inf")
        """When the database was last found away, on the stopwatch."""
        self.swept_at = float("-inf")
        self.held: Held | None = None
        """The clock's: what it last met that keeps it from handing out jobs."""
        self.turned_at: float | None = None
        """When the clock last turned, on the stopwatch; None before its first turn."""
        self.has_written_allowances = False
        self.noted_at: dict[tuple[str, WaitingFor], float] = {}
        """When this process last wrote down that something holds its calls up."""

    def receive(self, ticket: Ticket) -> None:
        """A message has come; until it is begun or given back, the drain gives it back."""
        with self._lock:
            self._tickets.add(ticket)

    def part_with(self, ticket: Ticket) -> None:
        """The ticket was begun, given back, or found stale."""
        with self._lock:
            self._tickets.discard(ticket)

    @contextmanager
    def attempt(self, attempt_id: UUID) -> Iterator[None]:
        """While inside, the heartbeat renews the attempt's lease."""
        with self._lock:
            self._attempts.add(attempt_id)
        try:
            yield
        finally:
            with self._lock:
                self._attempts.discard(attempt_id)
                self._ended.notify()

    @contextmanager
    def call(self, attempt_id: UUID, provider: str) -> Iterator[None]:
        """While inside, the heartbeat renews the permit of the attempt's call."""
        with self._lock:
            self._calls[attempt_id] = provider
        try:
            yield
        finally:
            with self._lock:
                del self._calls[attempt_id]

    def await_an_end(self, seconds: float) -> None:
        """Waits until an attempt of this process ends, which makes room for another, or so long."""
        with self._lock:
            self._ended.wait(seconds)

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """While inside, an answer waits for the storage or the database to come back."""
        with self._lock:
            self._stuck += 1
        try:
            yield
        finally:
            with self._lock:
                self._stuck -= 1

    @property
    def is_stuck(self) -> bool:
        """Whether a new call would bring an answer that cannot be stored."""
        return self._stuck > 0

    def tickets(self) -> list[Ticket]:
        """The tickets that wait in this process."""
        with self._lock:
            return list(self._tickets)

    def calls(self, provider: str) -> set[UUID]:
        """The attempts that hold a permit of this provider's."""
        with self._lock:
            return {attempt_id for attempt_id, name in self._calls.items() if name == provider}

    def attempts(self) -> list[UUID]:
        """The attempts that this process is making."""
        with self._lock:
            return list(self._attempts)
