"""Single things that the storage does not give or take: for a while, it may be so with all of them."""

from datetime import timedelta
from threading import Lock
from uuid import UUID

HOPELESS = timedelta(minutes=5)
"""After so long it is this one object: a storage that is away is away for all of them."""

_SECONDS = HOPELESS.total_seconds()
_FORGOTTEN = 2 * _SECONDS
"""Who was not met for as long begins anew: another worker may have got over it."""


class Trouble:
    """Since when each attempt, or each job by its pictures, has been in trouble with the storage."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._met: dict[UUID | int, tuple[float, float]] = {}
        self._swept_at = float("-inf")

    def lasts(self, what: UUID | int, now: float) -> bool:
        """Whether the trouble with this, met once more now, has lasted for long.

        >>> trouble = Trouble()
        >>> [trouble.lasts(7, now) for now in (0, 299, 300)], trouble.lasts(7, 1000)
        ([False, False, True], False)
        """
        with self._lock:
            self._sweep(now)
            since, last = self._met.get(what, (now, now))
            if now - last > _FORGOTTEN:
                since = now
            self._met[what] = since, now
            return now - since >= _SECONDS

    def over(self, what: UUID | int) -> None:
        """It is over, in one way or the other."""
        with self._lock:
            self._met.pop(what, None)

    def _sweep(self, now: float) -> None:
        if now - self._swept_at > _FORGOTTEN:
            self._met = {one: at for one, at in self._met.items() if now - at[1] <= _FORGOTTEN}
            self._swept_at = now
