"""Keeps one service running: what dies is started again, each time a little later."""

import time

from darkroom.local.child import Child, described

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""A run of this length makes the deaths before it forgotten."""


def pause_after(deaths: int) -> float:
    """Seconds to wait before the next start after so many deaths in a row.

    >>> [pause_after(deaths) for deaths in (1, 2, 3, 7, 5000)]
    [0.5, 1.0, 2.0, 30.0, 30.0]
    """
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(deaths - 1, 10))


class Keeper:
    """A child and how often it has died in a row; `tend` it several times a second."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._deaths = 0
        self._started = time.monotonic()
        self._due: float | None = None

    @property
    def name(self) -> str:
        return self.child.service.name

    def tend(self) -> str | None:
        """Start it again when that is due; what happened, if something did."""
        now = time.monotonic()
        if self.child.alive:
            return None
        if self._due is None:
            return self._mourn(now)
        return self._revive(now) if now >= self._due else None

    def _mourn(self, now: float) -> str:
        self._deaths = 1 if now - self._started > STEADY_SECONDS else self._deaths + 1
        pause = pause_after(self._deaths)
        self._due = now + pause
        how = described(self.child.wait(0) or 0)
        # What it started must not live on beside its successor.
        self.child.kill()
        return f"{self.name} {how}; next start in {pause:g} s (see {self.child.log})"

    def _revive(self, now: float) -> str:
        self._due = None
        self._started = now
        try:
            self.child.start()
        except OSError as error:
            self._due = now + LONGEST_PAUSE
            return f"{self.name} cannot be started: {error}; next try in {LONGEST_PAUSE:g} s"
        return f"{self.name} is started again (pid {self.child.pid})"
