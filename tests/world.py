"""A whole small world for tests: a database, a broker, a sandbox process and real worker processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import httpx2
import nursery
from sqlalchemy import Engine, Row, func, select

from darkroom.blobs import open_store
from darkroom.rightful import Rightful
from darkroom.store import batches, files, hints, insights
from darkroom.store.files import File
from darkroom.store.hints import About, Listener
from darkroom.store.insights import BatchView
from darkroom.store.session import transaction
from darkroom.store.tables import attempts
from worker.app import new_id

ROOT = Path(__file__).parent.parent
PATIENCE = 60
QUICK = ("--without-mingle", "--without-gossip")


class Process:
    """A child whose output is read line by line, so that a test waits for a line and not for a time."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._child = _Forked(argv, env) if nursery.is_forked(argv) else _Started(argv, env)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    def _read(self) -> None:
        with self.log.open("a") as log, self._child.output as output:
            for line in output:
                log.write(line)
                log.flush()
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def saw(self, text: str, timeout: float = PATIENCE) -> str:
        """Waits for a line that holds this text."""

        def found() -> str | None:
            return next((line for line in self._lines if text in line), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._ended, timeout)
        line = found()
        assert line, f"never saw {text!r}:\n" + "".join(self._lines[-30:])
        return line

    @property
    def lines(self) -> list[str]:
        return list(self._lines)

    def send(self, number: signal.Signals) -> None:
        if self._child.lives():
            os.kill(self.pid, number)

    def wait(self, timeout: float = PATIENCE) -> int:
        status = self._child.wait(timeout)
        self._reader.join(timeout)
        return status

    def close(self) -> None:
        """Ends it, whatever state it is in."""
        for number in (signal.SIGCONT, signal.SIGKILL):
            self.send(number)
        self.wait()


class _Started:
    """A child with a program of its own."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            argv,
            env={**os.environ, **env},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout
        self.pid, self.output = self._process.pid, self._process.stdout

    def lives(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float) -> int:
        return self._process.wait(timeout)


class _Forked:
    """A child of the nursery's."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self._process, told = nursery.fork(argv, {**os.environ, **env}, str(ROOT))
        assert self._process.pid
        self.pid, self.output = self._process.pid, os.fdopen(os.dup(told.fileno()))
        told.close()

    def lives(self) -> bool:
        return self._process.exitcode is None

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self._process.exitcode


@dataclass(slots=True)
class Sandbox:
    """The provider's stand-in, and its ledger."""

    process: Process
    url: str
    client: httpx2.Client

    @classmethod
    def start(cls, folder: Path, **config: object) -> "Sandbox":
        argv = (sys.executable, "-m", "sandbox", "--port", "0", "--ledger", str(folder / "ledger"))
        process = Process(argv, {"PYTHONUNBUFFERED": "1"}, folder / "sandbox.log")
        url = process.saw("listening on").split()[-1]
        client = httpx2.Client(base_url=url.removesuffix("/v1") + "/_sandbox/", timeout=PATIENCE)
        sandbox = cls(process, url, client)
        sandbox.configure(**config)
        return sandbox

    def configure(self, **config: object) -> None:
        if config:
            self.client.post("config", json=config).raise_for_status()

    def wait(self, **condition: int) -> None:
        """Waits until so many calls, billed images, calls in flight or held calls are there."""
        answer = self.client.get("wait", params={**condition, "timeout": PATIENCE - 5})
        assert answer.status_code == 200, answer.text

    def release(self, name: str) -> None:
        self.client.post("release", json={"name": name}).raise_for_status()

    def totals(self) -> dict[str, object]:
        return self.client.get("totals").json()

    def calls(self) -> list[dict[str, object]]:
        """The last word about each call, in the order of their arrival."""
        return list(
            {call["seq"]: call for call in self.client.get("ledger").json()["calls"]}.values()
        )

    def close(self) -> None:
        self.client.close()
        self.process.close()


@dataclass(slots=True)
class World:
    """Everything a batch needs; workers are started and killed at will."""

    engine: Engine
    database_url: str
    redis_url: str
    folder: Path
    sandbox: Sandbox
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def start_worker(self, app: str = "worker.app", **environment: str) -> Process:
        """A real worker process, ready to take messages."""
        process = self.launch_worker(app, **environment)
        process.saw(" ready.")
        return process

    def launch_worker(self, app: str = "worker.app", **environment: str) -> Process:
        """A real worker process, whatever becomes of it."""
        name = f"w{len(self.processes)}@test"
        argv = (sys.executable, "-m", "celery", "-A", app, "worker", "-n", name, *QUICK)
        process = Process(
            argv,
            {
                "DARKROOM_DATABASE_URL": self.database_url,
                "DARKROOM_REDIS_URL": self.redis_url,
                "DARKROOM_STORAGE_URL": self.storage_url,
                "DARKROOM_SPOOL": str(self.spool),
                "DARKROOM_WORKERS": "1",
                "DARKROOM_MAX_IN_FLIGHT": "8",
                "DARKROOM_FIRST_CALLS": "8",
                "OPENAI_BASE_URL": self.sandbox.url,
                "OPENAI_API_KEY": "sk-of-the-test",
                "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
                "PYTHONUNBUFFERED": "1",
                **self.environment,
                **environment,
            },
            self.folder / f"worker-{len(self.processes)}.log",
        )
        self.processes.append(process)
        return process

    @property
    def storage_url(self) -> str:
        return f"file://{self.folder / 'blobs'}"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def submit(
        self,
        prompts: Sequence[str | Mapping[str, object]],
        *,
        cap: str | None = None,
        provider: str = "default",
        more: Mapping[str, object] = MappingProxyType({}),
        **options: object,
    ) -> UUID:
        """A batch of these prompts, as the API writes one down."""
        rows = [row if isinstance(row, Mapping) else {"prompt": row} for row in prompts]
        data = "\n".join(json.dumps(row) for row in rows).encode()
        sha256 = Rightful(self.engine, open_store(self.storage_url)).put(data)
        defaults = {"quality": "low", "size": "1024x1024", **options.pop("defaults", {})}
        file_id, batch_id = new_id(), new_id()
        with transaction(self.engine) as connection:
            now = connection.execute(select(func.now())).scalar_one()
            files.add(
                connection, File(file_id, "default", "batch", "rows.jsonl", len(data), sha256, now)
            )
            batches.create(
                connection,
                batches.NewBatch(
                    batch_id,
                    "default",
                    file_id,
                    {"defaults": defaults, **options},
                    cap=None if cap is None else Decimal(cap),
                    provider=provider,
                    **more,
                ),
            )
            hints.ring(connection, About.LISTS)
        return batch_id

    def batch(self, batch_id: UUID) -> BatchView:
        with transaction(self.engine) as connection:
            view = insights.batch(connection, "default", batch_id)
        assert view
        return view

    def jobs(self, batch_id: UUID) -> list[insights.JobView]:
        with transaction(self.engine) as connection:
            return insights.jobs_page(connection, batch_id, limit=10_000)

    def until(self, batch_id: UUID, *, timeout: float = PATIENCE) -> BatchView:
        """Waits for hints until the batch has ended."""
        return self.until_view(batch_id, lambda view: view.ended, timeout)

    def until_view(self, batch_id: UUID, holds, timeout: float = PATIENCE) -> BatchView:
        """Waits, woken by hints and at least once a second, until something holds of a batch."""
        with self.listening() as listener:
            end = time.monotonic() + timeout
            while time.monotonic() < end:
                view = self.batch(batch_id)
                if holds(view):
                    return view
                listener.wait(0.25)
        raise AssertionError(f"it never held: {view}")

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        listener = Listener(self.engine)
        try:
            yield listener
        finally:
            listener.close()

    def attempts(self) -> list[Row]:
        with transaction(self.engine) as connection:
            return list(connection.execute(select(attempts).order_by(attempts.c.begun_at)))

    def close(self) -> None:
        for process in self.processes:
            process.close()
        self.sandbox.close()
