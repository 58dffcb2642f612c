"""One provider as a worker process calls it: its limits, its key, its patience, a connection a thread."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from darkroom.domain.models import Models
from darkroom.limits import Limiter
from darkroom.provider import Client, Provider


@dataclass(frozen=True, slots=True)
class Upstream:
    """Everything that is one provider's own; what one of them meets never touches another."""

    provider: Provider
    models: Models
    """What it accepts and what it costs."""
    limiter: Limiter
    key_fingerprint: str
    deadline: timedelta
    make_client: Callable[[], Client]
    _local: threading.local = field(default_factory=threading.local)

    @property
    def name(self) -> str:
        """What batches and attempts call it."""
        return self.provider.name

    def client(self) -> Client:
        """This thread's own connection to it: shared pools scan every connection at each call."""
        if not hasattr(self._local, "client"):
            self._local.client = self.make_client()
        client: Client = self._local.client
        return client
