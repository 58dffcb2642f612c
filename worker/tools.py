"""What a worker works with, made once in the process that uses it and handed to every verb."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol
from uuid import UUID

from darkroom.blobs import BlobStore, Spool
from darkroom.domain.clock import Stopwatch
from darkroom.domain.models import Models
from darkroom.domain.retention import Retention
from darkroom.domain.retry import RetryPolicy
from darkroom.domain.thrift import Thrift
from darkroom.store.budgets import Allowance
from darkroom.store.jobs import Dispatched
from darkroom.store.session import Database
from darkroom.telemetry.meter import Meter
from darkroom.webhooks import Answered
from worker.estate import Estate
from worker.holdings import Holdings
from worker.pulse import Alarm
from worker.teller import Tellers
from worker.trouble import Trouble
from worker.upstream import Upstream, today

JUDGES = 4
"""More would only wait for the interpreter, with an image each in their hands."""


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
    tellers: Tellers
    blobs: BlobStore
    spool: Spool
    """Where answers wait that the storage does not take."""
    upstreams: Mapping[str, Upstream]
    """The providers that this worker calls, by their names."""
    models_on: Callable[[date], Models]
    """The general facts of a day."""
    policy: RetryPolicy
    thrift: Thrift
    publish: Publish
    retention: Retention
    fetch: Callable[[str], bytes]
    """Downloads a URL that a stranger wrote; raises FetchFailed."""
    post: Callable[[str, Mapping[str, str], bytes], Answered]
    """Sends a webhook and gives the answer's status; raises NotDelivered."""
    stopwatch: Stopwatch
    draw: Callable[[], float]
    new_id: Callable[[], UUID]
    allowances: Mapping[str, Allowance] | None = None
    """What each project may spend; one that is not named has no limit. None: that is for others to say."""
    focus: str | None = None
    provider_of: Callable[[str], str] = lambda _project: "default"
    """Who draws for a project."""
    max_rows: int = 1_000_000
    """The most of one batch."""
    local_recipes: bool = False
    """Whether the paths of recipes are those of this machine."""
    holdings: Holdings = field(default_factory=Holdings)
    estate: Estate = field(default_factory=Estate)
    trouble: Trouble = field(default_factory=Trouble)
    draining: threading.Event = field(default_factory=threading.Event)
    wake: Alarm = field(default_factory=Alarm)
    judging: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(JUDGES))
    """Of many answers in hand, only so many are held a second time, decoded."""
    meter: Meter = field(default_factory=Meter)
    recalling: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(JUDGES))
    """Of many answers that wait on disk, only so many are held in memory."""

    def pause(self, seconds: float) -> None:
        """Waits; of all this package the one place that does so without anything to wait for."""
        time.sleep(seconds)

    @property
    def in_flight(self) -> int:
        """The calls that all its providers may have in flight together."""
        return sum(upstream.limiter.limits.in_flight for upstream in self.upstreams.values())

    def models_of(self, provider: str) -> Models:
        """The facts that this provider goes by; the general ones for a provider this worker does not call."""
        upstream = self.upstreams.get(provider)
        return upstream.models if upstream else self.models_on(today())

    def follow_of(self, provider: str) -> Callable[[str], bytes] | None:
        """Fetches images that this provider answers with as links; None where it does not."""
        upstream = self.upstreams.get(provider)
        return upstream.follow if upstream else None
