"""What a worker works with, made once in the process that uses it and handed to every verb."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from darkroom.blobs import BlobStore
from darkroom.domain.clock import Stopwatch
from darkroom.domain.models import Models
from darkroom.domain.retry import RetryPolicy
from darkroom.limits import Limiter
from darkroom.provider import Client, Provider
from darkroom.store.jobs import Dispatched
from darkroom.store.session import Database
from worker.holdings import Holdings


class Publish(Protocol):
    """Sends messages to workers; raises `BrokerAway` where it cannot."""

    def __call__(self, messages: Sequence[Dispatched]) -> None: ...


class BrokerAway(Exception):  # noqa: N818 - the jobs go back unharmed
    """The broker took no message."""


@dataclass(frozen=True, slots=True)
class Tools:
    """One worker process: its name, its share of the work, and its connections to everything outside."""

    name: str
    slots: int
    engine: Database
    blobs: BlobStore
    limiter: Limiter
    provider: Provider
    key_fingerprint: str
    models: Models
    policy: RetryPolicy
    deadline: timedelta
    publish: Publish
    make_client: Callable[[], Client]
    stopwatch: Stopwatch
    draw: Callable[[], float]
    new_id: Callable[[], UUID]
    focus: str | None = None
    holdings: Holdings = field(default_factory=Holdings)
    draining: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    _local: threading.local = field(default_factory=threading.local)

    def pause(self, seconds: float) -> None:
        """Waits; of all this package the one place that does so without anything to wait for."""
        time.sleep(seconds)

    def client(self) -> Client:
        """This thread's own connection to the provider: shared pools scan every connection at each call."""
        if not hasattr(self._local, "client"):
            self._local.client = self.make_client()
        client: Client = self._local.client
        return client
