"""What a running stack tells others about itself: `run/state.json`, without a secret."""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from darkroom.local.errors import HomeUnusable, StackRunning
from darkroom.local.home import Home, write_private
from darkroom.local.plan import Urls
from darkroom.local.trace import Trace


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that runs on a home; `ready` once all of it answers.

    The URLs of database and broker come without their passwords; those are in `Secrets`, under
    `postgres` and `valkey`.
    """

    supervisor: Trace
    ready: bool
    api_url: str
    flower_url: str
    sandbox_url: str | None
    database_url: str
    redis_url: str
    children: tuple[Trace, ...]

    @property
    def pid(self) -> int:
        return self.supervisor.pid


def described(urls: Urls, children: Sequence[Trace], *, ready: bool) -> Running:
    """The state of the stack that this process supervises."""
    return Running(
        supervisor=Trace.of("supervisor", os.getpid()),
        ready=ready,
        api_url=urls.api,
        flower_url=urls.flower,
        sandbox_url=urls.sandbox,
        database_url=without_password(urls.database),
        redis_url=without_password(urls.redis),
        children=tuple(children),
    )


def write(home: Home, running: Running) -> None:
    """Keep the state, all of it or nothing."""
    write_private(home.run / "state.json", json.dumps(asdict(running), indent=1))


def read(home: Home) -> Running | None:
    """The state as written last; None if there is none, or if another version wrote it.

    Raises:
        HomeUnusable: The home is another user's.
    """
    try:
        known: dict[str, Any] = json.loads((home.run / "state.json").read_text(encoding="utf-8"))
        known["supervisor"] = Trace(**known["supervisor"])
        known["children"] = tuple(Trace(**child) for child in known["children"])
        return Running(**known)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None
    except PermissionError as error:
        raise HomeUnusable(home.root, "it belongs to another user") from error


def forget(home: Home) -> None:
    """Remove the state of a stack that has stopped."""
    (home.run / "state.json").unlink(missing_ok=True)


def without_password(url: str) -> str:
    """The URL as it may be shown.

    >>> without_password("redis://:secret@127.0.0.1:6379/0")
    'redis://127.0.0.1:6379/0'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class Lock:
    """The right to supervise a home; the kernel takes it back when its holder dies."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take it.

        Raises:
            StackRunning: Somebody holds it.
            HomeUnusable: The lock cannot be written.
        """
        try:
            descriptor = os.open(self._home.run / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise HomeUnusable(self._home.root, error.strerror or str(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            other = read(self._home)
            pid, url = (other.pid, other.api_url) if other else (None, None)
            raise StackRunning(self._home.root, pid, url) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back, if we hold it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
