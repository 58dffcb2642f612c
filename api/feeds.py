"""What changes, told to everybody who watches: one connection and one query for all of a process.

A thread waits for hints of the database, at most a second, and then looks once at each thing that is
watched. Whoever reads slowly misses the versions in between, and never the last.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from darkroom.store.hints import Listener
from darkroom.store.session import Connection, Engine, StoreAway, transaction
from darkroom.telemetry.logs import logger

COALESCED_SECONDS = 0.5
"""No thing is looked at more often, however much happens to it."""

ROUND_SECONDS = 1.0
"""Rates and forecasts move without a hint."""

Load = Callable[[Connection], Any]
"""Reads what is watched; equal by its repr while nothing has changed."""


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """How a thing stood at a moment; `name` is the same on every replica."""

    name: str
    value: Any

    @classmethod
    def of(cls, value: Any) -> "Version":
        return cls(blake2b(repr(value).encode(), digest_size=12).hexdigest(), value)


@dataclass(slots=True, eq=False)
class Watcher:
    """One reader, on the event loop it lives on."""

    loop: asyncio.AbstractEventLoop
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Wakes the reader, from any thread; one whose loop has ended needs no waking."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.news.set)


@dataclass(slots=True)
class Topic:
    """One watched thing, its latest version, and who watches."""

    load: Load
    watchers: set[Watcher] = field(default_factory=set)
    version: Version | None = None


class Feeds:
    """Topics by their keys, and the thread that looks; begun with the first watcher, ended by `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._topics: dict[Hashable, Topic] = {}
        self._lock = threading.Condition()
        self._closing = False
        self._fresh = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def closing(self) -> bool:
        """The server is about to stop: whoever streams must end."""
        return self._closing

    async def versions(
        self, key: Hashable, load: Load, seen: str | None, seconds: float
    ) -> AsyncGenerator[Version, None]:
        """Each new version from the present one on, for so long.

        One that the reader has `seen` by name is left out.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        async with self._watching(key, load) as (topic, watcher):
            while not self._closing and loop.time() < until:
                version = topic.version
                if version is not None and version.name != seen:
                    seen = version.name
                    yield version
                with suppress(TimeoutError):
                    await asyncio.wait_for(watcher.news.wait(), until - loop.time())
                watcher.news.clear()

    @asynccontextmanager
    async def _watching(self, key: Hashable, load: Load) -> AsyncIterator[tuple[Topic, Watcher]]:
        watcher = Watcher(asyncio.get_running_loop())
        topic = self._join(key, load, watcher)
        try:
            yield topic, watcher
        finally:
            self._leave(key, watcher)

    def _join(self, key: Hashable, load: Load, watcher: Watcher) -> Topic:
        with self._lock:
            topic = self._topics.setdefault(key, Topic(load))
            topic.watchers.add(watcher)
            self._fresh.set()
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="feeds", daemon=True)
                self._thread.start()
            self._lock.notify_all()
        return topic

    def _leave(self, key: Hashable, watcher: Watcher) -> None:
        with self._lock:
            topic = self._topics[key]
            topic.watchers.discard(watcher)
            if not topic.watchers:
                del self._topics[key]

    def hush(self) -> None:
        """Ends every stream, so that a server that waits for them can stop; safe in a signal handler."""
        self._closing = True
        for topic in list(self._topics.values()):
            for watcher in list(topic.watchers):
                watcher.ring()

    def close(self) -> None:
        """Ends every stream and the thread."""
        self.hush()
        with self._lock:
            self._lock.notify_all()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while self._wanted():
            try:
                self._listen()
            except StoreAway as error:
                logger("api").warning("unavailable", action="watch", reason=str(error))
            except Exception:  # noqa: BLE001 - said aloud; without this thread every stream would be silent
                logger("api").exception("unexpected", action="watch")
            else:
                continue
            time.sleep(ROUND_SECONDS)

    def _wanted(self) -> bool:
        """Waits until somebody watches; false when the server stops."""
        with self._lock:
            self._lock.wait_for(lambda: self._closing or bool(self._topics))
        return not self._closing

    def _listen(self) -> None:
        """Looks as long as somebody watches. Raises StoreAway."""
        listener = Listener(self._engine)
        try:
            while self._topics and not self._closing:
                begun = time.monotonic()
                self._look()
                rest = COALESCED_SECONDS - (time.monotonic() - begun)
                self._fresh.wait(max(rest, 0))
                if not self._fresh.is_set():
                    listener.wait(ROUND_SECONDS - COALESCED_SECONDS)
        finally:
            listener.close()

    def _look(self) -> None:
        """Reads every topic once, in one transaction, and tells of those that changed."""
        self._fresh.clear()
        with self._lock:
            topics = list(self._topics.values())
        with transaction(self._engine) as connection:
            read = [(topic, Version.of(topic.load(connection))) for topic in topics]
        for topic, version in read:
            if topic.version is None or topic.version.name != version.name:
                topic.version = version
                for watcher in list(topic.watchers):
                    watcher.ring()
