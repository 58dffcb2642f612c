"""The worker's door: `celery -A worker.app worker`; settings are read here and nothing is built at import."""

import logging
import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from celery import Celery, signals
from redis import Redis

from darkroom.blobs import Spool, StorageFailed, open_store
from darkroom.domain.clock import PERMIT_WAIT
from darkroom.domain.deadline import parse_deadlines
from darkroom.domain.facts import OFFICIAL, Profile
from darkroom.domain.ids import uuid7
from darkroom.domain.retry import RetryPolicy
from darkroom.domain.thrift import Thrift
from darkroom.explanations import FILE
from darkroom.fetching import Guard, fetch
from darkroom.limits import Limiter, Memory
from darkroom.provider import Client, Provider, shared_tls
from darkroom.rightful import Rightful
from darkroom.sections import Source
from darkroom.settings import Settings, SettingsInvalid, read_settings
from darkroom.store import leases
from darkroom.store import limits as learned
from darkroom.store.budgets import Allowance
from darkroom.store.session import Database, open_engine, transaction
from darkroom.telemetry.logs import configure_logs
from darkroom.webhooks import post
from worker.broker import SECONDS, configuration
from worker.crew import Crew
from worker.metrics import served
from worker.tasks import publisher, register
from worker.teller import Tellers
from worker.tools import Tools
from worker.upstream import Upstream, today

FETCH_SECONDS = 60.0
"""For an image behind a link, from the look-up of its host to the last byte."""

POOL = 8
"""Connections of a worker to the database: one for each teller and each thread of its crew."""


def __getattr__(name: str) -> Celery:
    """Celery looks for `app`: it is made when asked for, not when this file is read."""
    if name == "app":
        return celery_app()
    raise AttributeError(name)


@cache
def celery_app() -> Celery:
    """The Celery app of this process, under the settings it finds.

    Raises:
        SystemExit: one of them cannot be used.
    """
    try:
        return create_app(read_settings(Settings))
    except SettingsInvalid as invalid:
        raise SystemExit(f"this worker cannot start: {invalid}") from None


Facts = TypeVar("Facts")
Build = Callable[[Settings, Celery], Tools]


def create_app(settings: Settings, build: Build | None = None) -> Celery:
    """A Celery app: threads, early acknowledgement, no prefetch, no results; every wait is in Postgres.

    `build` makes the tools of a process; without one it is `build_tools`.
    """
    app = Celery("darkroom", set_as_current=False)
    app.conf.update(configuration(settings.broker_url or settings.redis_url, settings.worker_slots))
    process = _Process(settings, app, build or build_tools)
    register(app, process.tools)
    signals.worker_init.connect(process.prepare, weak=False)
    signals.worker_ready.connect(process.start, weak=False)
    signals.worker_shutting_down.connect(process.drain, weak=False)
    signals.worker_shutdown.connect(process.stop, weak=False)
    signals.setup_logging.connect(process.set_up_logs, weak=False)
    signals.task_received.connect(process.receive, weak=False)
    return app


class _Process:
    """The tools and the crew of one worker process, made when they are first needed in it."""

    def __init__(self, settings: Settings, app: Celery, build: Build) -> None:
        self._settings, self._app, self._build = settings, app, build
        self._lock = threading.Lock()
        self._tools: Tools | None = None
        self._crew: Crew | None = None
        self._open = ExitStack()
        self._pid = os.getpid()

    def set_up_logs(self, **_: object) -> None:
        """Every attempt has its own line from us; Celery's two more about each say less."""
        configure_logs(self._settings.log_format)
        for name in ("celery.worker.strategy", "celery.app.trace", "httpx2"):
            logging.getLogger(name).setLevel(logging.WARNING)

    def tools(self) -> Tools:
        """The tools of this very process: what was made before a fork is not used after it."""
        with self._lock:
            if self._tools is None or self._pid != os.getpid():
                self._pid = os.getpid()
                self._tools = self._build(self._settings, self._app)
            return self._tools

    def prepare(self, **_: object) -> None:
        """Ends a worker that cannot work: Celery would log its trouble and take messages all the same."""
        try:
            tools = self.tools()
        except (ValueError, StorageFailed) as error:
            raise SystemExit(f"this worker cannot start: {error}") from error
        host, port = self._settings.metrics_host, self._settings.metrics_port
        if port:
            try:
                self._open.enter_context(served(tools, host, port))
            except OSError as error:
                raise SystemExit(
                    f"this worker cannot start: DARKROOM_METRICS_PORT={port} at {host}: "
                    f"{error.strerror}; free that port, or set another one"
                ) from error

    def start(self, **_: object) -> None:
        self._crew = Crew(self.tools())
        self._crew.start()
        if self._settings.ready_file:
            self._settings.ready_file.touch()

    def receive(self, request: Any = None, **_: object) -> None:
        match request.args:
            case [int(job_id), int(token), *_]:
                self.tools().holdings.receive((job_id, token))

    def drain(self, **_: object) -> None:
        """Called inside the signal's handler, where nothing may wait: the work is a thread's."""
        if self._crew is not None:
            threading.Thread(target=self._crew.drain, name="darkroom-drain").start()

    def stop(self, **_: object) -> None:
        if self._crew is not None:
            self._crew.stop()
            self._open.close()
            self.tools().engine.dispose()


def build_tools(settings: Settings, app: Celery) -> Tools:
    """The tools of this process, under these settings.

    Raises:
        ValueError: a setting that a worker cannot do without is missing; the message names it.
    """
    if not (settings.database_url and settings.redis_url and settings.storage_url):
        raise ValueError(
            "a worker needs DARKROOM_DATABASE_URL, DARKROOM_REDIS_URL, DARKROOM_STORAGE_URL"
        )
    engine = open_engine(settings.database_url, pool=POOL)
    thrift = Thrift(settings.first_calls, settings.vain_calls, settings.vain_window)
    guard = Guard(allow_private=settings.allow_private_urls)
    links = replace(guard, seconds=FETCH_SECONDS)
    tls = shared_tls()
    follow = partial(fetch, guard=links, tls=tls)
    lines = _Lines(engine, _redis(settings.redis_url), tls, follow)
    return Tools(
        name=f"{socket.gethostname()}:{os.getpid()}:{os.urandom(3).hex()}",
        slots=settings.worker_slots,
        engine=engine,
        tellers=Tellers(engine, thrift),
        blobs=Rightful(engine, open_store(settings.storage_url)),
        spool=Spool((settings.spool or settings.home / "spool").absolute()),
        upstreams={
            name: upstream_of(source, _daily(partial(settings.profile_of, name)), lines)
            for name, source in settings.sources().items()
        },
        models_on=_daily(lambda day: settings.profiles_on(day)[OFFICIAL].models),
        policy=RetryPolicy(on_unknown=settings.on_unknown),
        thrift=thrift,
        publish=publisher(app),
        retention=settings.retention,
        fetch=lambda url: fetch(url, guard, tls=tls),
        post=lambda url, headers, body: post(url, headers, body, guard, tls),
        stopwatch=boottime,
        draw=random.random,
        new_id=new_id,
        allowances=allowances(settings),
        focus=settings.focus,
        provider_of=settings.provider_of,
        max_rows=settings.max_rows,
        local_recipes=settings.local_recipes,
    )


def allowances(settings: Settings) -> Mapping[str, Allowance] | None:
    """What each project may spend; None where nobody says anything of projects."""
    if not settings.projects and not Path(FILE).is_file():
        return None
    return {
        name: Allowance(project.budget_per_day, project.budget, project.time_zone)
        for name, project in settings.projects.items()
    }


@dataclass(frozen=True, slots=True)
class _Lines:
    """What the upstreams of a process share."""

    engine: Database
    redis: Redis
    tls: ssl.SSLContext
    follow: Callable[[str], bytes]
    """Fetches an image that an answer only points to."""


def _daily(read: Callable[[date], Facts]) -> Callable[[date], Facts]:
    """Facts of a day, read once in it."""
    return lru_cache(maxsize=1)(read)


def upstream_of(source: Source, profile_on: Callable[[date], Profile], lines: _Lines) -> Upstream:
    """A provider, as this process calls it.

    Raises:
        ValueError: its address or its key is unusable; the key is not repeated.
    """

    def recall(family: str) -> Memory:
        with transaction(lines.engine) as connection:
            running = leases.in_flight(connection, source.name)
            known = learned.recall(connection, source.name, family)
        return Memory(tuple(attempt.hex for attempt in running), known)

    provider = Provider(source.name, source.base_url, source.key.get_secret_value())
    return Upstream(
        provider=provider,
        profile_on=profile_on,
        limiter=Limiter(lines.redis, source.name, source.limits, recall),
        key_fingerprint=source.fingerprint,
        deadlines=parse_deadlines(source.request_timeout, source.timeouts),
        make_client=lambda: Client(provider, lines.tls),
        follow=lines.follow if profile_on(today()).answers_url else None,
    )


def _redis(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=SECONDS,
        socket_connect_timeout=PERMIT_WAIT.total_seconds(),
        health_check_interval=SECONDS,
    )


def new_id() -> UUID:
    """A new time-ordered id."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def boottime() -> float:
    """Seconds on a clock that runs while this process is stopped; on Linux while the machine sleeps, too."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
