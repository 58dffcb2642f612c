"""Signals as facts to look at: the first asks to stop, Ctrl-C after it asks to hurry."""

import signal
from types import FrameType

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While installed, no signal raises or kills; it is remembered."""

    def __init__(self) -> None:
        self.stop = False
        self.hurry = False
        self._before: dict[signal.Signals, object] = {}

    def install(self) -> None:
        """Hear the signals; from the main thread only."""
        for signum in HEARD:
            self._before[signum] = signal.signal(signum, self._hear)

    def remove(self) -> None:
        """Let the signals do what they did before."""
        while self._before:
            signum, handler = self._before.popitem()
            signal.signal(signum, handler)  # type: ignore[arg-type]  # it came from there

    def _hear(self, signum: int, _frame: FrameType | None) -> None:
        self.hurry = self.hurry or (self.stop and signum == signal.SIGINT)
        self.stop = True
