"""A whole installation in a home of its own: durable servers, the API, the workers, and a studio that draws."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import httpx2
import psutil
import psycopg
from psycopg.rows import DictRow, dict_row

from darkroom.domain.ids import BATCH, uuid_of
from darkroom.local.home import Secrets
from darkroom.local.plan import Plan, Service, Urls
from darkroom.local.ports import accepts, answers
from darkroom.local.stack import Stack
from darkroom.local.trace import Trace
from darkroom.store import keys
from darkroom.store.session import open_engine, transaction

ROOT = Path(__file__).parent.parent
PYTHON = (sys.executable, "-m")
API_KEY = "dk_benchmark"
PATIENCE = 170.0
LOOK = 0.1
RESTING = 0.3
"""Seconds of processor time in a second that an installation of eight workers stays below when it waits."""
KIBIBYTE = 1024

Connection = psycopg.Connection[DictRow]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Scene:
    """How big the installation is, and what its provider does: seconds a call, bytes an image."""

    in_flight: int = 30
    workers: int = 1
    latency: float = 0.0
    image_bytes: int = 0
    app: str = "worker.app"
    variables: Mapping[str, str] = field(default_factory=dict)

    def services(self, urls: Urls, home: Path) -> Sequence[Service]:
        """What `darkroom up` starts, without Flower."""
        env = {**self._environment(urls, home), **self.variables}
        serve = ("uvicorn", "--factory", "api.app:create_app", "--no-access-log", "--port")
        work = ("celery", "-A", self.app, "worker")
        studio = ("benchmarks.studio", port_of(urls.sandbox), self.latency, self.image_bytes)
        return [
            Service("migrate", (*PYTHON, "migrations", "upgrade"), env, restart=False),
            Service("studio", (*PYTHON, *map(str, studio)), env, lambda: _accepts(urls.sandbox)),
            Service("api", (*PYTHON, *serve, port_of(urls.api)), env, lambda: _lives(urls.api)),
            *(
                Service(f"worker-{n}", (*PYTHON, *work, f"--hostname=w{n}@%h"), env, drains=True)
                for n in range(self.workers)
            ),
        ]

    def _environment(self, urls: Urls, home: Path) -> dict[str, str]:
        return {
            "DARKROOM_DATABASE_URL": urls.database,
            "DARKROOM_REDIS_URL": urls.redis,
            "DARKROOM_STORAGE_URL": (home / "blobs").as_uri(),
            "DARKROOM_SPOOL": str(home / "spool"),
            "DARKROOM_MAX_IN_FLIGHT": str(self.in_flight),
            "DARKROOM_WORKERS": str(max(self.workers, 1)),
            # Where no limit is known, one is searched for, slowly.
            "DARKROOM_REQUESTS_PER_MINUTE": "100000",
            "DARKROOM_API_REQUESTS_PER_MINUTE": "0",
            "OPENAI_BASE_URL": f"{urls.sandbox}/v1",
            "OPENAI_API_KEY": "sandbox",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }


def port_of(url: str | None) -> str:
    return str(url).rpartition(":")[2]


def _accepts(url: str | None) -> bool:
    return accepts(int(port_of(url)))


def _lives(url: str) -> bool:
    return answers(f"{url}/livez")


@dataclass(frozen=True, slots=True)
class Stage:
    """The running installation, as a caller of its API and as somebody who may look behind it."""

    urls: Urls
    home: Path
    client: httpx2.Client

    def submit(self, file: Path, *, paused: bool = False) -> UUID:
        """Hands a file in; a paused batch is read and goes no further."""
        with file.open("rb") as rows:
            answer = self._post("files", data={"purpose": "batch"}, files={"file": rows})
        batch = self._post("batches", json={"input_file_id": answer["id"]})
        if paused:
            self._post(f"batches/{batch['id']}/pause")
        batch_id = uuid_of(BATCH, batch["id"])
        assert batch_id
        return batch_id

    def _post(self, path: str, **what: Any) -> dict[str, Any]:
        answer = self.client.post(f"/api/v1/{path}", **what)
        assert answer.is_success, answer.text
        reply: dict[str, Any] = answer.json()
        return reply

    def when(self, batch_id: UUID, moment: str) -> datetime:
        """Waits until a batch has reached a moment, such as `ended_at`, and says when that was."""
        with self.database() as connection:

            def reached() -> datetime | None:
                batch = row(connection, "SELECT * FROM batches WHERE id = %s", batch_id)
                return cast("datetime | None", batch[moment])

            return until(reached, moment)

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """A connection of one's own; every statement commits."""
        with psycopg.connect(self.urls.database, autocommit=True, row_factory=dict_row) as opened:
            yield opened

    def peak(self, name: str) -> int:
        """The most memory (bytes resident) that a process of this name has ever had."""
        pids = (child.pid for child in self._children if child.name.startswith(name))
        statuses = (Path(f"/proc/{pid}/status").read_text("ascii") for pid in pids)
        return max(KIBIBYTE * int(text.partition("VmHWM:")[2].split()[0]) for text in statuses)

    def cpu(self) -> float:
        """The processor time (s) that all of it has used so far."""
        return sum(_cpu(psutil.Process(child.pid)) for child in self._children)

    def calm(self) -> None:
        """Waits until what has just started is done with starting."""
        used = self.cpu()

        def rests() -> bool | None:
            nonlocal used
            time.sleep(1 - LOOK)
            before, used = used, self.cpu()
            return used - before < RESTING or None

        until(rests, "calm")

    @property
    def _children(self) -> Sequence[Trace]:
        running = Stack.running(self.home)
        assert running
        return running.children


def _cpu(process: psutil.Process) -> float:
    """Its own, that of those of its children that live, and that of those that it has buried."""
    used = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            used += sum(one.cpu_times()[:4])
    return used


def row(connection: Connection, query: str, *values: object) -> DictRow:
    """The one row of a query."""
    found = connection.execute(query, values).fetchone()
    assert found is not None
    return found


def until(look: Callable[[], Result | None], what: str, patience: float = PATIENCE) -> Result:
    """Looks again and again until there is something to see."""
    end = time.monotonic() + patience
    while (seen := look()) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(LOOK)
    return seen


def perform(scene: Scene, play: Callable[[Stage], Result]) -> Result:
    """Builds the installation, lets a benchmark play on it, and leaves nothing behind."""
    for name in list(os.environ):
        if name.startswith(("DARKROOM_", "OPENAI_")):
            del os.environ[name]
    with TemporaryDirectory(prefix="darkroom-benchmark-") as folder:
        home = Path(folder)

        def services(urls: Urls, _secrets: Secrets) -> Sequence[Service]:
            return scene.services(urls, home)

        plan = Plan(services, api_port=0, flower_port=0, sandbox_port=0)
        with ThreadPoolExecutor(1) as hand, Stack(home, plan, lambda _: None) as stack:
            done = Event()
            playing = hand.submit(_played, scene, stack.urls, home, play)
            playing.add_done_callback(lambda _: done.set())
            if stack.run_until_signal(done):
                raise KeyboardInterrupt
            return playing.result()


def _played(scene: Scene, urls: Urls, home: Path, play: Callable[[Stage], Result]) -> Result:
    """In a thread: the supervisor has the main one."""
    _admit(urls.database)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with httpx2.Client(base_url=urls.api, headers=headers, timeout=60, trust_env=False) as client:
        stage = Stage(urls, home, client)
        with stage.database() as connection:
            until(lambda: _all_here(connection, scene.workers), "the workers")
        return play(stage)


def _all_here(connection: Connection, wanted: int) -> bool | None:
    here = row(connection, "SELECT count(*) AS workers FROM workers")["workers"]
    return here == wanted or None


def _admit(database_url: str) -> None:
    engine = open_engine(database_url, pool=1)
    try:
        with transaction(engine) as connection:
            keys.add(
                connection,
                key_id=uuid4(),
                project_id="default",
                name="benchmark",
                secret=API_KEY,
                scopes=("read", "submit", "admin"),
            )
    finally:
        engine.dispose()
