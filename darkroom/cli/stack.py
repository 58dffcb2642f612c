"""The local stack as the command line describes it: which processes, with which environment."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from pathlib import Path
from secrets import token_urlsafe

from darkroom.cli.environment import Environment
from darkroom.local.errors import PortTaken
from darkroom.local.home import Home, Secrets, write_private
from darkroom.local.plan import Plan, Service, Urls
from darkroom.local.ports import accepts, answers, is_spoken_for, require_free
from darkroom.local.stack import Stack

DRAIN_SECONDS = 30
"""What a worker gets on top of the longest call to settle it."""

SANDBOX_MANNER = ("--latency", "0.2-1.0", "--requests-per-minute", "3000")
"""Quick, and with a limit that its answers state: no time is spent on finding out how fast is too fast."""
FLOWER_MANNER = {
    "FLOWER_READ_ONLY": "true",
    "FLOWER_PERSISTENT": "true",
    "FLOWER_STATE_SAVE_INTERVAL": "60000",
    "FLOWER_MAX_TASKS": "10000",
    "FLOWER_TASKS_COLUMNS": "state,args,result,exception,runtime,received,worker,uuid",
}
"""It looks and changes nothing, keeps its history through a crash, and shows what an attempt was about."""

_PYTHON = (sys.executable, "-P", "-m")
"""Without the directory it runs in: somebody's own `worker` or `api` there must not be taken for ours."""

_WORK = ("celery", "-A", "worker.app", "worker", "--without-gossip", "--without-mingle")
"""Workers have nothing to tell each other: asking around at the start costs a second."""


class Staff(StrEnum):
    """How much of the stack a command needs."""

    DESK = auto()
    """The API alone: it looks and writes down, and nothing is spent."""
    FULL = auto()
    """Workers, Flower and, without a provider's key, the sandbox."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The services of a stack; `focus` is the only work that its workers take."""

    environment: Environment
    staff: Staff = Staff.FULL
    focus: str | None = None

    @property
    def sandbox(self) -> bool:
        """Whether the sandbox stands in for a provider."""
        usual = self.environment.usual_provider == self.environment.provider
        return self.staff is Staff.FULL and usual and self.environment.openai_api_key is None

    def services(self, urls: Urls, _secrets: Secrets) -> Sequence[Service]:
        """Our processes in the order of their start."""
        env = self._variables(urls)
        desk = [self._migrate(env), self._api(env, urls)]
        if self.staff is Staff.DESK:
            return desk
        workers = [self._worker(env, n) for n in range(1, self.environment.workers + 1)]
        return [*desk, *self._sandbox(urls), *workers, self._flower(env, urls)]

    def _variables(self, urls: Urls) -> Mapping[str, str]:
        ours = {
            "DARKROOM_DATABASE_URL": urls.database,
            "DARKROOM_REDIS_URL": urls.redis,
            "DARKROOM_STORAGE_URL": self.environment.storage_url
            or (self.environment.root / "blobs").as_uri(),
            "DARKROOM_SPOOL": str(self.environment.spool or self.environment.root / "spool"),
            "DARKROOM_FOCUS": self.focus or self.environment.focus or "",
            "PYTHONUNBUFFERED": "1",
        }
        if urls.sandbox is not None:
            ours |= {
                "OPENAI_BASE_URL": f"{urls.sandbox}/v1",
                "OPENAI_API_KEY": "sandbox",
                "DARKROOM_PROVIDER": "sandbox",
            }
        return {**self.environment.variables(), **ours}

    def _migrate(self, env: Mapping[str, str]) -> Service:
        argv = (*_PYTHON, "migrations", "upgrade")
        return Service("migrate", argv, env, restart=False, cwd=self._cwd, ready_seconds=120)

    def _api(self, env: Mapping[str, str], urls: Urls) -> Service:
        serve = ("uvicorn", "--factory", "api.app:create_app", "--no-access-log")
        argv = (*_PYTHON, *serve, "--host", "127.0.0.1", "--port", _port(urls.api))
        env = {**env, "DARKROOM_ADMIN_KEY": local_key(self.environment)}
        if not self.environment.says("api_requests_per_minute"):
            env |= {"DARKROOM_API_REQUESTS_PER_MINUTE": "0"}
        if self.staff is Staff.FULL:
            env |= {"DARKROOM_FLOWER_URL": self.environment.flower_url or urls.flower}
        return Service("api", argv, env, ready=lambda: answers(f"{urls.api}/livez"), cwd=self._cwd)

    def _worker(self, env: Mapping[str, str], number: int) -> Service:
        name = f"worker-{number}"
        argv = (*_PYTHON, *_WORK, f"--hostname={name}@%h")
        grace = self.environment.longest_timeout + DRAIN_SECONDS
        ready = Home(self.environment.root).run / f"{name}.ready"
        ready.unlink(missing_ok=True)
        return Service(
            name,
            argv,
            {
                **env,
                "DARKROOM_READY_FILE": str(ready),
                "DARKROOM_LOCAL_RECIPES": "1",
                **self._metrics_port(number),
            },
            ready=ready.exists,
            drains=True,
            grace_seconds=grace,
            cwd=self._cwd,
        )

    def _metrics_port(self, number: int) -> Mapping[str, str]:
        """Each worker's own: the port that was asked for, and those after it."""
        first = self.environment.metrics_port
        return {"DARKROOM_METRICS_PORT": str(first + number - 1)} if first else {}

    def _flower(self, env: Mapping[str, str], urls: Urls) -> Service:
        argv = (*_PYTHON, "celery", "-A", "worker.app", "flower", "--address=127.0.0.1")
        options = (f"--port={_port(urls.flower)}", "--db=flower")
        # Its JSON is for this machine only, and read-only: nothing in it is a secret or can be changed.
        env = {**env, **FLOWER_MANNER, "FLOWER_UNAUTHENTICATED_API": "true"}
        return Service("flower", (*argv, *options), env, cwd=self._cwd)

    def _sandbox(self, urls: Urls) -> Sequence[Service]:
        if urls.sandbox is None:
            return ()
        port = int(_port(urls.sandbox))
        config = self.environment.sandbox_config
        manner = ("--config", str(config.absolute())) if config else SANDBOX_MANNER
        ledger = str(self._cwd / "log" / "sandbox-ledger.jsonl")
        argv = (*_PYTHON, "sandbox", "--port", str(port), "--ledger", ledger, *manner)
        return (Service("sandbox", argv, ready=lambda: accepts(port), cwd=self._cwd),)

    @property
    def _cwd(self) -> Path:
        return self.environment.root


def _port(url: str) -> str:
    return url.rpartition(":")[2]


def guest_book(environment: Environment) -> Path:
    """Says which process started a stack that ends with its command."""
    return Home(environment.root).run / "guest"


def build(layout: Layout, say: Callable[[str], None], *, guest: bool = False) -> Stack:
    """The stack of this layout, not started yet; a guest ends with the command that started it."""
    environment = layout.environment

    def services(urls: Urls, secrets: Secrets) -> Sequence[Service]:
        if guest:  # the home is ours by now, and nobody takes the stack for ready yet
            write_private(guest_book(environment), str(os.getpid()))
        return layout.services(urls, secrets)

    plan = Plan(
        services=services,
        sandbox_port=0 if layout.sandbox else None,
        workers=environment.workers,
        database_url=environment.database_url,
        redis_url=environment.redis_url,
    )
    api = _wanted(environment, "api_port", say)
    flower = _wanted(environment, "flower_port", say) if layout.staff is Staff.FULL else 0
    return Stack(environment.root, replace(plan, api_port=api, flower_port=flower), say)


def _wanted(environment: Environment, name: str, say: Callable[[str], None]) -> int:
    """The port that was asked for; where nobody asked and the usual one is taken, 0 for any."""
    port: int = getattr(environment, name)
    if port == 0 or environment.says(name):
        return port
    try:
        require_free(port, f"DARKROOM_{name.upper()}")
    except PortTaken as error:
        say(f"{str(error).partition('. Fix')[0]}; taking another one")
        return 0
    if is_spoken_for(port):
        say(f"port {port} may be another stack's that is starting; taking another one")
        return 0
    return port


def key_path(environment: Environment) -> Path:
    """Where the key of local mode lies."""
    return Home(environment.root).run / "api.key"


def local_key(environment: Environment) -> str:
    """The key of local mode, made at random on first use."""
    path = key_path(environment)
    if not path.exists():
        write_private(path, f"dk_{token_urlsafe(32)}\n")
    return path.read_text(encoding="ascii").strip()
