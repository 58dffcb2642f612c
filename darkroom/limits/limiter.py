"""The limiter: permits for calls, counted over all workers by one Lua script on the server's clock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files

from redis import Redis, RedisError

PERMIT_LIFE = timedelta(seconds=45)
"""How long a permit holds its place in flight without a heartbeat: longer than a lease."""

FULL_WAIT = timedelta(milliseconds=250)
"""When to ask again while all calls in flight are taken."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may do: units a minute (None: no limit) and calls in flight."""

    in_flight: int
    requests: int | None = None
    images: int | None = None
    tokens: int | None = None
    input_images: int | None = None

    @property
    def calls_per_second(self) -> float | None:
        """The most one-image calls a second that the limits on requests and images admit.

        >>> Limits(in_flight=30, requests=600, images=60).calls_per_second
        1.0
        """
        known = [limit for limit in (self.requests, self.images) if limit is not None]
        return min(known) / 60 if known else None


@dataclass(frozen=True, slots=True)
class Load:
    """What one call costs in each dimension."""

    images: int
    tokens: int
    requests: int = 1
    input_images: int = 0


@dataclass(frozen=True, slots=True)
class Admitted:
    """Leave to call after so long, not before."""

    wait: timedelta


@dataclass(frozen=True, slots=True)
class Denied:
    """No leave within the time one was willing to wait; ask again after so long."""

    wait: timedelta
    dimension: str


class LimiterAway(Exception):  # noqa: N818 - nothing went wrong with the job: it goes back unharmed
    """The limiter cannot be reached: no permit, so no call."""


_DIMENSIONS = ("requests", "images", "tokens", "input_images")


class Limiter:
    """Permits for one provider key; `running` names the calls in flight when the limiter has forgotten them."""

    def __init__(
        self, redis: Redis, key: str, limits: Limits, running: Callable[[], Iterable[str]]
    ) -> None:
        self.limits = limits
        self._running = running
        self._keys = [f"{{darkroom:limits:{key}}}:levels", f"{{darkroom:limits:{key}}}:flight"]
        source = files("darkroom.limits").joinpath("limiter.lua").read_text("utf-8")
        self._script = redis.register_script(source)

    def acquire(self, permit: str, load: Load, longest: timedelta) -> Admitted | Denied:
        """A permit for one call, to be used after the wait it names, or the time after which to ask again.

        Raises:
            LimiterAway: it cannot be reached.
        """
        arguments = (
            permit,
            _ms(longest),
            _ms(PERMIT_LIFE),
            self.limits.in_flight,
            *self._costs(load),
        )
        answer, wait, dimension = self._run("acquire", *arguments)
        if answer == "cold":
            self._run("seed", _ms(PERMIT_LIFE), *self._running())
            answer, wait, dimension = self._run("acquire", *arguments)
        if answer == "admitted":
            return Admitted(timedelta(milliseconds=wait))
        return Denied(timedelta(milliseconds=wait) or FULL_WAIT, dimension)

    def release(self, permit: str) -> None:
        """Ends a call in flight; what it cost stays counted."""
        self._run("refund", permit)

    def refund(self, permit: str, load: Load) -> None:
        """Takes back a permit that was not used."""
        self._run("refund", permit, *self._costs(load))

    def renew(self, permits: Iterable[str]) -> None:
        """Keeps calls in flight counted while they run."""
        self._run("renew", _ms(PERMIT_LIFE), *permits)

    def cool(self, span: timedelta) -> None:
        """Gives no permit for so long."""
        self._run("cool", _ms(span))

    def _costs(self, load: Load) -> Iterator[str | int]:
        for dimension in _DIMENSIONS:
            limit, cost = getattr(self.limits, dimension), getattr(load, dimension)
            if limit is not None and cost:
                yield from (dimension, limit, cost)

    def _run(self, *arguments: str | int) -> tuple[str, int, str]:
        try:
            answer, wait, dimension = self._script(keys=self._keys, args=arguments)
        except RedisError as error:
            raise LimiterAway(str(error)) from error
        return answer.decode(), int(wait), dimension.decode()


def _ms(span: timedelta) -> int:
    return int(span / timedelta(milliseconds=1))
