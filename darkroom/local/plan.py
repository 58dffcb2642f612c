"""What a local stack consists of, as its caller describes it."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from darkroom.local.home import Secrets
from darkroom.local.identity import SAME, Identity


@dataclass(frozen=True, slots=True)
class Service:
    """One process: its command, how it becomes ready, and how it ends.

    `argv[0]` is an absolute path. `env` is added to our own environment and the only way for a
    secret to travel. `death_signal` is what the kernel sends when the supervisor dies, however it
    dies. A service with `restart=False` runs once: it must exit with 0 before the next is started.
    One that `drains` is stopped before all others, together with all that drain.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    restart: bool = True
    drains: bool = False
    cwd: Path | None = None
    identity: Identity = SAME


@dataclass(frozen=True, slots=True)
class Urls:
    """Where everything listens; those of the database and the broker hold passwords."""

    database: str = field(repr=False)
    redis: str = field(repr=False)
    api: str
    flower: str
    sandbox: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The free parameters of a stack; port 0 means pick a free one.

    `services` gives our own processes in the order of their start. With a `database_url` or a
    `redis_url` that server is somebody else's and not started. `sandbox_port` is None where no
    sandbox is wanted. Without `durable` a crash of the machine may lose data: for tests.
    """

    services: Callable[[Urls, Secrets], Sequence[Service]]
    postgres_port: int = 0
    valkey_port: int = 0
    api_port: int = 8000
    flower_port: int = 5555
    sandbox_port: int | None = None
    workers: int = 2
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    durable: bool = True
