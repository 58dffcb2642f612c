"""What workers that are gone have left behind, until it is settled away from the clock."""

from queue import Empty, SimpleQueue
from threading import Lock
from uuid import UUID

from darkroom.store.leases import LostLease


class Estate:
    """Attempts whose answer is there and whose worker is not; each waits here once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: SimpleQueue[LostLease] = SimpleQueue()
        self._attempts: set[UUID] = set()

    def add(self, lease: LostLease) -> None:
        """Takes one over; twice is once."""
        attempt_id = lease.reservation.attempt_id
        with self._lock:
            if attempt_id in self._attempts:
                return
            self._attempts.add(attempt_id)
        self._waiting.put(lease)

    def next(self, seconds: float) -> LostLease | None:
        """One to be settled, or None after so long without any."""
        try:
            return self._waiting.get(timeout=seconds)
        except Empty:
            return None

    def part_with(self, lease: LostLease) -> None:
        """It is settled."""
        with self._lock:
            self._attempts.discard(lease.reservation.attempt_id)

    def attempts(self) -> list[UUID]:
        """All that wait and all that are being settled: their leases are renewed."""
        with self._lock:
            return list(self._attempts)
