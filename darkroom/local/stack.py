"""The whole local stack, from an empty directory to a running queue and back."""

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Self

from darkroom.local import leftovers, state
from darkroom.local.crew import Crew
from darkroom.local.errors import DiskFull, StackInterrupted
from darkroom.local.home import Home, Secrets
from darkroom.local.interrupts import Interrupts
from darkroom.local.plan import Plan, Urls
from darkroom.local.ports import LOCALHOST, Ports
from darkroom.local.postgres import Postgres
from darkroom.local.state import Lock, Running
from darkroom.local.valkey import Valkey

ROUND_SECONDS = 0.1
FULL = {errno.ENOSPC, errno.EDQUOT}


class Stack:
    """Supervises one home from the main thread; `say` hears one line for each thing that happens.

    From `start` to the end of `stop` it owns SIGINT, SIGTERM and SIGHUP.
    """

    def __init__(self, home: Path, plan: Plan, say: Callable[[str], None]) -> None:
        self._home = Home(home.absolute())
        self._plan = plan
        self._say_aloud = say
        self._lock = Lock(self._home)
        self._crew = Crew(self._home, self._say)
        self._interrupts = Interrupts()
        self._ports = Ports()
        self._urls: Urls | None = None
        self._ready = False

    @staticmethod
    def running(home: Path) -> Running | None:
        """The stack that runs on this home, started by whomever."""
        found = state.read(Home(home.absolute()))
        return found if found and found.supervisor.alive else None

    @property
    def urls(self) -> Urls:
        """Where everything listens, once started; holds passwords."""
        assert self._urls is not None
        return self._urls

    @property
    def secrets(self) -> Secrets:
        return Secrets(self._home)

    def start(self) -> Running:
        """Bring everything up; returns when all of it is ready.

        Raises:
            LocalError: It cannot be; whatever had been started is stopped again.
        """
        self._home.prepare()
        self._lock.acquire()
        self._interrupts.install()
        try:
            return self._bring_up()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError) and error.errno in FULL:
                raise DiskFull(self._home.root) from error
            raise

    def tend(self) -> None:
        """Start again what has died; call it several times a second, from the main thread."""
        if self._crew.tend():
            with suppress(OSError):  # a full disk must not end what still works
                self._write_state()

    def run_until_signal(self, done: Event | None = None) -> bool:
        """Tend everything until a signal comes (True) or `done` is set by another thread (False)."""
        while not self._interrupts.stop and not (done and done.is_set()):
            self.tend()
            if done:
                done.wait(ROUND_SECONDS)
            else:
                time.sleep(ROUND_SECONDS)
        return self._interrupts.stop

    def stop(self) -> None:
        """Drain and end everything; Ctrl-C from now on ends the services at once."""
        if not self._lock.held:
            return
        self._interrupts.stop = True
        self._crew.stop(lambda: self._interrupts.hurry)
        self._ports.let_go()
        state.forget(self._home)
        self._lock.release()
        self._interrupts.remove()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _bring_up(self) -> Running:
        leftovers.sweep(self._home, self._say)
        plan = _with_ports(self._plan, self._ports.settle)
        self._urls = self._start_servers(plan)
        for service in plan.services(self._urls, self.secrets):
            self._crew.work(service, self._heed)
            self._write_state()
        self._crew.wait_ready(self._heed)
        self._ready = True
        return self._write_state()

    def _start_servers(self, plan: Plan) -> Urls:
        """Postgres and Valkey side by side, each unless it is somebody else's."""
        postgres = Postgres(self._home, plan.postgres_port, durable=plan.durable)
        valkey = Valkey(self._home, plan.valkey_port, durable=plan.durable)
        urls = self._urls = _urls(plan, postgres, valkey)
        self._write_state()
        if plan.database_url is None:
            self._crew.serve(postgres.prepare())
        if plan.redis_url is None:
            self._crew.serve(valkey.prepare())
        self._write_state()
        self._crew.wait_ready(self._heed)
        if plan.database_url is None:
            postgres.create_database("darkroom")
        return urls

    def _heed(self) -> None:
        if self._interrupts.stop:
            raise StackInterrupted("stopped by a signal while starting. Fix: start it again")

    def _write_state(self) -> Running:
        running = state.described(self.urls, self._crew.traces, ready=self._ready)
        state.write(self._home, running)
        return running

    def _say(self, line: str) -> None:
        with suppress(OSError):  # the terminal may be gone, the work is not
            self._say_aloud(line)


def _with_ports(plan: Plan, settle: Callable[[int, str], int]) -> Plan:
    """The plan with every port of ours settled: those wanted checked, those free picked."""
    if plan.database_url is None:
        plan = replace(plan, postgres_port=settle(plan.postgres_port, "DARKROOM_POSTGRES_PORT"))
    if plan.redis_url is None:
        plan = replace(plan, valkey_port=settle(plan.valkey_port, "DARKROOM_VALKEY_PORT"))
    if plan.sandbox_port is not None:
        plan = replace(plan, sandbox_port=settle(plan.sandbox_port, "DARKROOM_SANDBOX_PORT"))
    return replace(
        plan,
        api_port=settle(plan.api_port, "DARKROOM_API_PORT"),
        flower_port=settle(plan.flower_port, "DARKROOM_FLOWER_PORT"),
    )


def _urls(plan: Plan, postgres: Postgres, valkey: Valkey) -> Urls:
    def here(port: int) -> str:
        return f"http://{LOCALHOST}:{port}"

    return Urls(
        database=plan.database_url or postgres.url,
        redis=plan.redis_url or valkey.url,
        api=here(plan.api_port),
        flower=here(plan.flower_port),
        sandbox=None if plan.sandbox_port is None else here(plan.sandbox_port),
    )
