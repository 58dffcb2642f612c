"""A process of ours: in a session of its own, with its log file, dying with its owner."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from darkroom.local.errors import StackFailed
from darkroom.local.identity import launched
from darkroom.local.patience import until
from darkroom.local.plan import Service

LARGEST_LOG = 10 << 20
"""Bytes; a larger one is put aside when the process is started."""
TAIL_BYTES = 4_000
TAIL_LINES = 15

_WHY = ("reason", "exception")
"""The fields of a line that say more than its event."""

FIXES = {
    "No space left on device": "free some disk, or set DARKROOM_HOME to a larger one",
    "Address already in use": "free that port, or set another one",
    "address already in use": "free that port, or set another one",
    "Permission denied": "make that path readable for this user",
    "Cannot allocate memory": "free some memory, or set DARKROOM_MAX_IN_FLIGHT lower",
}


class Child:
    """One run after another of a service; output goes to `log`, which only its owner can read."""

    def __init__(self, service: Service, log: Path) -> None:
        self.service = service
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; from the main thread only.

        The kernel takes the end of the thread that forked for the end of the owner.
        """
        assert threading.current_thread() is threading.main_thread()
        service = self.service
        with open(self._open_log(), "wb") as log:  # noqa: PTH123 - a descriptor
            self._process = subprocess.Popen(
                launched(service.argv, service.identity, service.death_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=service.cwd,
                env={**os.environ, **service.env},
                start_new_session=True,
            )

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self._process:
            self._process.send_signal(signum)

    def kill(self) -> None:
        """End it and all that it started in its session, at once."""
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self, signum: signal.Signals | None = None, grace: float | None = None) -> None:
        """Ask it to end, and kill it when the grace (seconds) is over."""
        self.send(signum or self.service.stop_signal)
        until(lambda: not self.alive, self.service.grace_seconds if grace is None else grace)
        self.kill()

    def wait(self, seconds: float) -> int | None:
        """Its exit status, negative for a signal; None if it still runs after so many seconds."""
        until(lambda: not self.alive, seconds)
        return self._process.returncode if self._process else None

    def wait_ready(self, heed: Callable[[], None] = lambda: None) -> None:
        """Wait until it is ready, or, if it runs once, until it is done; `heed` may raise.

        Raises:
            StackFailed: It ended, or the time is over.
        """
        until(lambda: self._settled(heed), self.service.ready_seconds)
        status = self._process.poll() if self._process else None
        if not self.service.restart and status == 0:
            return
        if status is not None:
            raise self.failure(described(status))
        if not self._is_ready():
            raise self.failure(f"was not ready after {self.service.ready_seconds:g} s")

    def failure(self, reason: str) -> StackFailed:
        """What went wrong, with the end of the log."""
        tail = self.tail()
        fix = next((fix for sign, fix in FIXES.items() if sign in tail), "see what it says")
        return StackFailed(self.service.name, reason, tail, f"{fix}; the whole log is {self.log}")

    def tail(self) -> str:
        """The last lines that it wrote since its latest start."""
        with self.log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, end - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        return "\n".join(map(in_words, lines[-TAIL_LINES:]))

    def _settled(self, heed: Callable[[], None]) -> bool:
        heed()
        return not self.alive or self._is_ready()

    def _is_ready(self) -> bool:
        if not self.service.restart:
            return False
        return self.service.ready is None or self.service.ready()

    def _open_log(self) -> int:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        log = os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._log_start = os.fstat(log).st_size
        return log


def in_words(line: str) -> str:
    """A line of a log as a person reads it: of one that is JSON, what happened and why.

    >>> in_words('{"event": "unready", "reason": "cannot be reached", "level": "warning"}')
    'unready: cannot be reached'
    >>> in_words("FATAL: no space")
    'FATAL: no space'
    """
    try:
        said = json.loads(line)
        told = [said["event"], *(said[key] for key in _WHY if said.get(key))]
    except (ValueError, TypeError, KeyError):
        return line
    return ": ".join(map(str, told))


def described(status: int) -> str:
    """An exit status in words.

    >>> described(1)
    'exited with status 1'
    >>> described(-9)
    'was killed by SIGKILL'
    """
    if status >= 0:
        return f"exited with status {status}"
    return f"was killed by {signal.Signals(-status).name}"
