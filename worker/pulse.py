"""How often a worker looks when nobody hints: more rarely in a crowd or a long lull."""

import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from heapq import heappop, heappush

from darkroom.domain.clock import Stopwatch

TICK = 1.0
"""Seconds between two looks of a lone worker when nothing hints, and of a crowd's workers between them."""

LULL = 5.0
"""The most in a crowd; and where nothing was done for a while, so that waiting costs next to nothing."""

LIVELY = 30.0
"""Seconds after which a lull begins."""


class Rung(Enum):
    """Why an alarm rang."""

    OWN = auto()
    """This worker has moved something."""
    DUE = auto()
    """A job that was put off is due, and only that."""
    OVERHEARD = auto()
    """Somebody has moved something."""


class Pulse:
    """Shared by the threads of a worker: whoever has done or heard something quickens it for all.

    `draw` is a random number in [0, 1): workers that were hinted at together do not look together again.
    """

    def __init__(self, now: Stopwatch, draw: Callable[[], float]) -> None:
        self._now, self._draw = now, draw
        self._moved_at = now()
        self.crowd = 1
        """How many workers do the same chores: what one of them did need not be done by all."""

    def quicken(self) -> None:
        """Something was done, or somebody hinted."""
        self._moved_at = self._now()

    def tick(self) -> float:
        """Seconds until the next look: one in each second of all these workers together, on the average."""
        if self._now() - self._moved_at >= LIVELY:
            return LULL
        return min(self.spread(TICK), LULL)

    def spread(self, pause: float) -> float:
        """A pause that a crowd's workers take at random, so that one of them takes about this one."""
        return pause * (1 + 2 * (self.crowd - 1) * self._draw())


class Alarm:
    """Wakes the clock: for what this worker itself has moved, or only for what it overheard of others."""

    def __init__(self, now: Stopwatch = time.monotonic) -> None:
        self._now = now
        self._news = threading.Condition()
        self._own = self._overheard = False
        self._moments: list[float] = []
        """When what was put off is due; a heap."""

    def ring(self) -> None:
        """This worker has moved something: the clock looks at once."""
        with self._news:
            self._own = True
            self._news.notify()

    def ring_in(self, seconds: float) -> None:
        """So long from now a job that was put off is due."""
        with self._news:
            heappush(self._moments, self._now() + seconds)
            self._news.notify()

    def overhear(self) -> None:
        """Somebody has moved something, and all workers hear of it."""
        with self._news:
            self._overheard = True
            self._news.notify()

    def wait(self, seconds: float) -> Rung | None:
        """Why it rang within so many seconds; None if it did not."""
        end = self._now() + seconds
        with self._news:
            while not (rung := self._rung()) and self._now() < end:
                self._news.wait(min([end, *self._moments[:1]]) - self._now())
            return rung

    def _rung(self) -> Rung | None:
        """The first of the reasons; what is no part of it is kept for the next look."""
        due = False
        while self._moments and self._moments[0] <= self._now():
            heappop(self._moments)
            due = True
        if self._own:
            self._own = self._overheard = False
            return Rung.OWN
        if due:
            return Rung.DUE
        overheard, self._overheard = self._overheard, False
        return Rung.OVERHEARD if overheard else None
