"""How often a worker looks when nobody hints: each second while things move, more rarely in a long lull."""

from darkroom.domain.clock import Stopwatch

TICK = 1.0
"""Seconds between two looks when nothing hints."""

LULL = 5.0
"""The same where nothing was done for a while: a stack that waits for the next night costs next to nothing."""

LIVELY = 30.0
"""Seconds after which a lull begins."""


class Pulse:
    """Shared by the threads of a worker: whoever has done or heard something quickens it for all."""

    def __init__(self, now: Stopwatch) -> None:
        self._now = now
        self._moved_at = now()

    def quicken(self) -> None:
        """Something was done, or somebody hinted."""
        self._moved_at = self._now()

    def tick(self) -> float:
        """Seconds until the next look."""
        return TICK if self._now() - self._moved_at < LIVELY else LULL
