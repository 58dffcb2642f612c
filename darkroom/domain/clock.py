"""The lengths of time the laws are built on, and the clock a worker trusts between two of its own acts."""

from datetime import timedelta
from typing import Protocol

TICKET = timedelta(seconds=30)
"""How long a dispatched job may wait to be begun; not renewed."""

LEASE = timedelta(seconds=30)
"""How long one worker's right to finish an attempt lasts without a heartbeat."""

HEARTBEAT = timedelta(seconds=5)
"""How often a worker renews its leases: six chances before the first is lost."""

SAFETY_MARGIN = timedelta(seconds=10)
"""What a lease must still have left when the first byte is handed to the socket."""

PERMIT_WAIT = timedelta(seconds=2)
"""How long a dispatched job waits for its permit before it goes back to the queue."""


class Stopwatch(Protocol):
    """Seconds on a clock that runs while the process is stopped and the machine sleeps."""

    def __call__(self) -> float: ...
