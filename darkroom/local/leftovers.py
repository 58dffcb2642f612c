"""What a supervisor that died left running, where the kernel did not end it."""

import signal
from collections.abc import Callable

import psutil

from darkroom.local import state
from darkroom.local.home import Home
from darkroom.local.postgres import pid_lines
from darkroom.local.trace import Trace

GRACE_SECONDS = 10


def sweep(home: Home, say: Callable[[str], None]) -> None:
    """End every process of this home's last stack; the caller holds the lock.

    A process is known by pid and start, a Postgres by its data directory: one that merely
    has the pid of ours is left alone.
    """
    known = state.read(home)
    for trace in known.children if known else ():
        if trace.alive and trace.name != "postgres":
            say(f"ending a left-over {trace.name} (pid {trace.pid})")
            trace.end(signal.SIGTERM, GRACE_SECONDS)
    if postmaster := _postmaster(home):
        say(f"ending a left-over postgres (pid {postmaster.pid})")
        postmaster.end(signal.SIGINT, GRACE_SECONDS)
    state.forget(home)


def _postmaster(home: Home) -> Trace | None:
    """The server that serves our data directory, whoever started it."""
    lines = pid_lines(home.pg)
    try:
        pid = int(lines[0]) if lines else 0
        if pid and str(home.pg) in psutil.Process(pid).cmdline():
            return Trace.of("postgres", pid)
    except (psutil.Error, ValueError):
        pass
    return None
