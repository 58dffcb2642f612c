"""How often a key may ask: a bucket of requests for each, kept by this process alone.

What it protects is this process, its threads and its connections, so no other has to know; and a
refusal must not cost a round trip. Behind several processes a key has as many buckets.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from math import ceil

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Quota:
    """How it stood with a bucket when a request came."""

    per_minute: int
    remaining: int
    seconds: float
    """Until there is one more."""
    refused: bool = False

    @property
    def wait(self) -> int:
        """Whole seconds after which the next is let in.

        >>> Quota(60, 0, 0.2).wait
        1
        """
        return max(ceil(self.seconds), 1)

    @property
    def headers(self) -> Mapping[str, str]:
        """As https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ has them.

        >>> Quota(60, 5, 0.2).headers["RateLimit"]
        '"requests";r=5;t=1'
        """
        return {
            "RateLimit-Policy": f'"requests";q={self.per_minute};w={MINUTE:.0f}',
            "RateLimit": f'"requests";r={self.remaining};t={self.wait}',
        }

    @property
    def twins(self) -> Mapping[str, str]:
        """The same as OpenAI names them."""
        return {
            "x-ratelimit-limit-requests": str(self.per_minute),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": f"{self.wait}s",
        }


@dataclass(slots=True)
class Bucket:
    """So many requests, at this moment of the clock; they come back evenly over a minute."""

    level: float
    at: float

    def fill(self, per_minute: int, now: float) -> None:
        """Adds what has come back since."""
        back = (now - self.at) * per_minute / MINUTE
        self.level, self.at = min(self.level + back, per_minute), now


@dataclass(slots=True)
class Throttle:
    """The buckets of all who asked; a limit of 0 is none. Safe to use from several threads."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[Hashable, Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, who: Hashable) -> Quota | None:
        """Lets one request in, or refuses it; None where there is no limit.

        >>> throttle = Throttle(2, clock=lambda: 0.0)
        >>> [throttle.take("shop").refused for _ in range(3)]
        [False, False, True]
        """
        if not self.per_minute:
            return None
        with self._lock:
            bucket = self._buckets.setdefault(who, Bucket(self.per_minute, self.clock()))
            bucket.fill(self.per_minute, self.clock())
            refused = bucket.level < 1
            bucket.level -= 0 if refused else 1
            missing = 1 - bucket.level % 1
            seconds = missing * MINUTE / self.per_minute
            return Quota(self.per_minute, int(bucket.level), seconds, refused)
