"""One provider as a worker process calls it: its limits, its key, its patience, a connection a thread."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from darkroom.domain.deadline import Deadlines
from darkroom.domain.facts import Profile
from darkroom.domain.models import Models
from darkroom.limits import Limiter
from darkroom.provider import Client, Provider


def today() -> date:
    """The day by which models are there or gone."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class Upstream:
    """Everything that is one provider's own; what one of them meets never touches another."""

    provider: Provider
    profile_on: Callable[[date], Profile]
    """What kind of provider it is, with the models of a day: some end tomorrow, while this process works on."""
    limiter: Limiter
    key_fingerprint: str
    deadlines: Deadlines
    make_client: Callable[[], Client]
    follow: Callable[[str], bytes] | None = None
    """Fetches what it answers with as a link, or raises FetchFailed; None where it has no business to."""
    _local: threading.local = field(default_factory=threading.local)

    @property
    def name(self) -> str:
        """What batches and attempts call it."""
        return self.provider.name

    @property
    def models(self) -> Models:
        """What it accepts today and what it costs."""
        return self.profile_on(today()).models

    def family(self, request: Mapping[str, Any]) -> str:
        """The family of models whose limits a minute a call for this request counts against."""
        return self.models.family(request["model"])

    def patience(self, request: Mapping[str, Any]) -> float:
        """Seconds that a call for this request is given."""
        return self.deadlines.of(request["quality"], request["size"]).total_seconds()

    def client(self) -> Client:
        """This thread's own connection to it: shared pools scan every connection at each call."""
        if not hasattr(self._local, "client"):
            self._local.client = self.make_client()
        client: Client = self._local.client
        return client
