"""One provider as a worker process calls it: its limits, its key, its patience, a connection a thread."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.domain.facts import Profile
from darkroom.domain.models import Models
from darkroom.limits import Limiter
from darkroom.provider import Client, Provider


@dataclass(frozen=True, slots=True)
class Upstream:
    """Everything that is one provider's own; what one of them meets never touches another."""

    provider: Provider
    profile: Profile
    """What kind of provider it is."""
    limiter: Limiter
    key_fingerprint: str
    deadline: float
    """Seconds after which the outcome of a call is unknown."""
    deadlines: Mapping[str, float]
    """The same by quality, by size, or by both: `high`, `3840x2160`, `high 3840x2160`."""
    make_client: Callable[[], Client]
    _local: threading.local = field(default_factory=threading.local)

    @property
    def name(self) -> str:
        """What batches and attempts call it."""
        return self.provider.name

    @property
    def models(self) -> Models:
        """What it accepts and what it costs."""
        return self.profile.models

    def patience(self, request: Mapping[str, Any]) -> float:
        """Seconds that a call for this request is given: the longest of all that are set for it."""
        quality, size = request["quality"], request["size"]
        said = (self.deadlines.get(case, 0.0) for case in (quality, size, f"{quality} {size}"))
        return max(said) or self.deadline

    def client(self) -> Client:
        """This thread's own connection to it: shared pools scan every connection at each call."""
        if not hasattr(self._local, "client"):
            self._local.client = self.make_client()
        client: Client = self._local.client
        return client
