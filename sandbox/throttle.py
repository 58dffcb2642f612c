"""The provider's own rate limits.

Each limit is a token bucket, as the provider's hints show ("Limit 5, Used 5 … try again in 12s"): it
refills evenly over the minute and holds at most what `window_seconds` of a minute allow. With the
window at 60 s a whole minute's worth may come at once; with 1 s the limit is enforced by the second.
Limits count for each key and model family. Every call counts as a request, refused ones too.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.errors import ApiError
from sandbox.retry_hint import duration, retry_headers
from sandbox.settings import Settings

_MINUTE = 60.0
_TITLES = {
    "requests": "requests per min (RPM)",
    "images": "images per min (IPM)",
    "tokens": "tokens per min (TPM)",
    "input-images": "input-images per min",
}
_IN_HEADERS = ("requests", "tokens")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose limits a call counts against."""

    key: str
    family: str


class Bucket:
    """One limit of so many units a minute."""

    def __init__(self, limit: int, window: float, now: float) -> None:
        self.limit = limit
        self._capacity = max(1.0, limit * window / _MINUTE)
        self._level = self._capacity
        self._seen = now

    def wait(self, units: int, now: float) -> float:
        """Seconds until that many units are there; 0 if they are.

        >>> bucket = Bucket(5, 60, now=0)
        >>> bucket.take(5)
        >>> bucket.wait(1, now=0), bucket.wait(1, now=12)
        (12.0, 0.0)
        """
        self._refill(now)
        missing = units - self._level
        # Less than a millionth is the rounding of the clock, not a missing unit.
        return 0.0 if missing < 1e-6 else missing * _MINUTE / self.limit  # noqa: PLR2004

    def take(self, units: int) -> None:
        """Use units up; the level never goes below nothing."""
        self._level = max(0.0, self._level - units)

    def remaining(self, now: float) -> int:
        """Whole units left."""
        self._refill(now)
        return math.floor(self._level + 1e-6)

    def reset(self, now: float) -> float:
        """Seconds until the bucket is full."""
        return self.wait(math.floor(self._capacity), now)

    def _refill(self, now: float) -> None:
        grown = self._level + (now - self._seen) * self.limit / _MINUTE
        self._level, self._seen = min(self._capacity, grown), now


class Throttle:
    """Owns the buckets of every scope."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._limits = {
            "requests": settings.requests_per_minute,
            "images": settings.images_per_minute,
            "tokens": settings.tokens_per_minute,
            "input-images": settings.input_images_per_minute,
        }
        self._window = settings.window_seconds
        self._clock = clock
        self._buckets: dict[Scope, dict[str, Bucket]] = {}

    def admit(self, scope: Scope, model: str, units: Mapping[str, int]) -> None:
        """Take the units of every named limit, or of none.

        Raises:
            ApiError: 429 `rate_limit_exceeded`, with the time to wait in message and headers.
        """
        now, buckets = self._clock(), self._of(scope)
        for name, bucket in buckets.items():
            if (wait := bucket.wait(units.get(name, 0), now)) > 0:
                used = max(0, bucket.limit - bucket.remaining(now))
                state = f"Limit {bucket.limit}, Used {used}, Requested {units[name]}"
                raise _refusal(name, model, state, wait)
        for name, bucket in buckets.items():
            bucket.take(units.get(name, 0))

    def headers(self, scope: Scope) -> dict[str, str]:
        """The `x-ratelimit-*` headers of the limits that are set."""
        now, headers = self._clock(), {}
        for name, bucket in self._of(scope).items():
            if name in _IN_HEADERS:
                headers[f"x-ratelimit-limit-{name}"] = str(bucket.limit)
                headers[f"x-ratelimit-remaining-{name}"] = str(bucket.remaining(now))
                headers[f"x-ratelimit-reset-{name}"] = duration(bucket.reset(now))
        return headers

    def _of(self, scope: Scope) -> dict[str, Bucket]:
        if scope not in self._buckets:
            self._buckets[scope] = {
                name: Bucket(limit, self._window, self._clock())
                for name, limit in self._limits.items()
                if limit is not None
            }
        return self._buckets[scope]


def _refusal(name: str, model: str, state: str, wait: float) -> ApiError:
    return ApiError(
        429,
        f"Rate limit reached for {model} in organization org-sandbox on {_TITLES[name]}: {state}. "
        f"Please try again in {duration(wait)}.",
        kind=name,
        code="rate_limit_exceeded",
        headers=retry_headers(wait),
    )
