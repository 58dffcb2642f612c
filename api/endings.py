"""Waiting for requests to end: one connection listens for everybody of this process who waits."""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import closing
from uuid import UUID

from darkroom.store import lone
from darkroom.store.hints import Listener
from darkroom.store.lone import Standing
from darkroom.store.session import Engine, StoreAway, transaction
from darkroom.telemetry.logs import logger

TICK = 1.0
BREATH = 0.05
"""Seconds between two looks, however much is hinted."""

_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Standing]"]


class Endings:
    """Tells those who wait how it stands with a request, once nothing moves it on by itself any more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: dict[UUID, list[_Waiter]] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    async def of(self, batch_id: UUID) -> Standing:
        """How it stands with a request when it has ended, or is paused.

        Raises:
            StoreAway: the server ends and nobody looks any more.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Standing] = loop.create_future()
        waiter = loop, future
        with self._lock:
            self._waiting.setdefault(batch_id, []).append(waiter)
            self._start()
        try:
            return await future
        finally:
            self._leave(batch_id, waiter)

    def hush(self) -> None:
        """Tells whoever waits that nobody looks any more; safe in a signal handler."""
        self._over.set()
        for waiters in list(self._waiting.values()):
            for loop, future in list(waiters):
                loop.call_soon_threadsafe(_fail, future)

    def close(self) -> None:
        """Ends the waiting and the thread."""
        self.hush()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        if self._over.is_set():
            raise StoreAway("this server ends")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="darkroom-endings", daemon=True)
            self._thread.start()

    def _leave(self, batch_id: UUID, waiter: _Waiter) -> None:
        with self._lock:
            self._waiting[batch_id].remove(waiter)
            if not self._waiting[batch_id]:
                del self._waiting[batch_id]

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with closing(Listener(self._engine)) as listener:
                    self._listen(listener)
            except StoreAway as away:
                logger("api").warning("unavailable", action="await_ending", reason=str(away))
            except Exception:  # noqa: BLE001 - said aloud; without this thread whoever waits would wait for ever
                logger("api").exception("unexpected", action="await_ending")
            else:
                continue
            self._over.wait(TICK)

    def _listen(self, listener: Listener) -> None:
        while not self._over.wait(BREATH):
            self._tell(self._look())
            listener.wait(TICK)

    def _look(self) -> Mapping[UUID, Standing]:
        with self._lock:
            wanted = list(self._waiting)
        if not wanted:
            return {}
        with transaction(self._engine) as connection:
            return lone.standing(connection, wanted)

    def _tell(self, found: Mapping[UUID, Standing]) -> None:
        with self._lock:
            told = [
                (*waiter, standing)
                for batch_id, standing in found.items()
                for waiter in self._waiting.get(batch_id, ())
            ]
        for loop, future, standing in told:
            loop.call_soon_threadsafe(_resolve, future, standing)


def _resolve(future: "asyncio.Future[Standing]", standing: Standing) -> None:
    if not future.done():
        future.set_result(standing)


def _fail(future: "asyncio.Future[Standing]") -> None:
    if not future.done():
        future.set_exception(StoreAway("this server ends"))
