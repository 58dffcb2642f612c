"""How a process is known again: a pid alone may be somebody else's by now."""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from darkroom.local.patience import until

ENDED = frozenset("ZX")


@dataclass(frozen=True, slots=True)
class Trace:
    """A process by pid and start; it is alive only if both still agree."""

    name: str
    pid: int
    started: str

    @staticmethod
    def of(name: str, pid: int) -> "Trace":
        """The trace of a process that runs now; of one that is gone, a trace of nothing."""
        return Trace(name, pid, started(pid) or "")

    @property
    def alive(self) -> bool:
        return bool(self.started) and started(self.pid) == self.started

    def end(self, signum: signal.Signals, grace_seconds: float) -> None:
        """Signal it, and kill its session if it has not ended within the grace."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signum)
        if not until(lambda: not self.alive, grace_seconds):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            until(lambda: not self.alive, grace_seconds)


def started(pid: int) -> str | None:
    """When the process was started, exact enough to tell it from any other of its pid.

    None if there is none, or if it has ended and nobody has asked for its status yet.

    >>> started(os.getpid()) == started(os.getpid()) != None
    True
    """
    return _started_linux(pid) if sys.platform == "linux" else _started_elsewhere(pid)


def _started_linux(pid: int) -> str | None:
    """Ticks since this boot: a wall clock would move when it is set."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat[stat.rindex(")") + 2 :].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return None if state in ENDED else f"{boot}:{fields[18]}"


def _started_elsewhere(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None
