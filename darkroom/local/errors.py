"""Why the embedded stack cannot start or go on; every message ends with the fix.

LocalError
├── HomeUnusable      the home directory cannot be created, entered or written
├── DiskFull          no room for a database
├── BinaryMissing     the wheels do not hold a server for this machine
├── IdentityRefused   Postgres may not run as this user
├── WrongVersion      the data directory is of another major version
├── PortTaken         somebody else listens there
├── StackRunning      this home has a supervisor already
├── StackFailed       a process ended or did not become ready
└── StackInterrupted  a signal came while the stack was starting

All of them speak to the person at the terminal.
"""

import shutil
from pathlib import Path


class LocalError(Exception):
    """The embedded stack cannot start or go on."""


class HomeUnusable(LocalError):  # noqa: N818 - named for what happened
    """The home directory cannot be created, entered or written."""

    def __init__(self, home: Path, reason: str) -> None:
        super().__init__(
            f"{str(home)[:200]} cannot be the home of the local stack: {reason}. "
            "Fix: set DARKROOM_HOME to a short path that you can write"
        )


class DiskFull(LocalError):  # noqa: N818 - named for what happened
    """There is no room for a database."""

    NEEDED = 256 << 20
    """Bytes that a first start wants to see: the empty cluster, its log, and some air.

    What images need is another question, asked before each call: `darkroom.domain.room`.
    """

    def __init__(self, home: Path) -> None:
        free = shutil.disk_usage(home).free
        super().__init__(
            f"no room for a database under {home}: {free >> 20} MB are free, "
            f"{self.NEEDED >> 20} MB are needed. Fix: free some disk, or set DARKROOM_HOME to a larger one"
        )


class BinaryMissing(LocalError):  # noqa: N818 - named for what happened
    """The installed wheels do not hold a server for this machine."""

    def __init__(self, server: str, variable: str) -> None:
        super().__init__(
            f"no {server} for this machine is installed. Fix: run `make setup` again, or set "
            f"{variable} to a server of your own"
        )


class IdentityRefused(LocalError):  # noqa: N818 - named for what happened
    """Postgres may not run as this user, and no other way was open."""

    def __init__(self, user: int, reason: str) -> None:
        super().__init__(
            f"Postgres cannot be run by user {user} here: {reason}. Fix: run as an ordinary user "
            "who has a name, or set DARKROOM_DATABASE_URL to a server of your own"
        )


class WrongVersion(LocalError):  # noqa: N818 - named for what happened
    """The data directory was made by another major version of Postgres."""

    def __init__(self, data: Path, found: str, ours: str) -> None:
        super().__init__(
            f"{data} was made by PostgreSQL {found}, this is {ours}. Fix: move it away to start "
            "empty, or dump it with its own version and load the dump here"
        )


class PortTaken(LocalError):  # noqa: N818 - named for what happened
    """Somebody else listens on a port we were told to use."""

    def __init__(self, port: int, variable: str, reason: str) -> None:
        super().__init__(
            f"port {port} {reason}. Fix: stop that, or set {variable} to another port (0 picks one)"
        )
        self.port = port


class StackRunning(LocalError):  # noqa: N818 - named for what happened
    """This home has a supervisor already."""

    def __init__(self, home: Path, pid: int | None, api_url: str | None) -> None:
        who = f"pid {pid}, {api_url}" if pid else "it is just starting"
        super().__init__(
            f"a stack is running on {home} already ({who}). Fix: use it, stop it with Ctrl-C, or "
            "set DARKROOM_HOME to another directory"
        )
        self.pid = pid
        self.api_url = api_url


class StackFailed(LocalError):  # noqa: N818 - named for what happened
    """A process ended or did not become ready; `tail` is how its log ends."""

    def __init__(self, name: str, reason: str, tail: str, fix: str) -> None:
        log = f" Its log ends:\n{tail}\n" if tail else " "
        super().__init__(f"{name} {reason}.{log}Fix: {fix}")
        self.name = name
        self.tail = tail


class StackInterrupted(LocalError):  # noqa: N818 - named for what happened
    """A signal came while the stack was starting."""
