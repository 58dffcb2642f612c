"""The limiter: permits for calls, counted over all workers by one Lua script on the server's clock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files

from redis import Redis, RedisError

from darkroom.domain.limit import Dimension, Heard
from darkroom.limits.known import Known, Memory

PERMIT_LIFE = timedelta(seconds=45)
"""How long a permit holds its place in flight without a heartbeat: longer than a lease."""

FULL_WAIT = timedelta(milliseconds=250)
"""When to ask again while all calls in flight are taken."""

LONGEST_COOLING = timedelta(minutes=1)
"""A provider that asks for more is asked again all the same: a key must not sleep through a night."""

_PARTS = ("levels.lua", "permits.lua", "answers.lua")
"""One script, in the order in which its parts lean on each other."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may do: units a minute (None: to be learned) and calls in flight."""

    in_flight: int
    requests: int | None = None
    images: int | None = None
    tokens: int | None = None
    input_images: int | None = None


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


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an answer changed: something new to remember; whether calls are held for the provider's trouble."""

    news: bool
    trouble: bool


class LimiterAway(Exception):  # noqa: N818 - nothing went wrong with the job: it goes back unharmed
    """The limiter cannot be reached: no permit, so no call."""


class Limiter:
    """Permits for one provider key; `recall` tells what a limiter that has forgotten everything should know."""

    def __init__(
        self, redis: Redis, key: str, limits: Limits, recall: Callable[[], Memory]
    ) -> None:
        self.limits = limits
        self._recall = recall
        names = ("levels", "flight", "answers", "seconds", "places")
        self._keys = [f"{{darkroom:limits:{key}}}:{name}" for name in names]
        room = files("darkroom.limits")
        source = "\n".join(room.joinpath(part).read_text("utf-8") for part in _PARTS)
        self._script = redis.register_script(source)

    def acquire(self, permit: str, load: Load, longest: timedelta, job: str) -> Admitted | Denied:
        """A permit for one call, to be used after the wait it names, or the time after which to ask again.

        A call that is too large to be waited for is given a place, which is its `job`'s to come back to.

        Raises:
            LimiterAway: it cannot be reached.
        """
        arguments = (
            permit,
            job,
            _ms(longest),
            _ms(PERMIT_LIFE),
            self.limits.in_flight,
            *self._costs(load),
        )
        answer, wait, dimension = self._run("acquire", *arguments)
        if answer == "cold":
            self._seed()
            answer, wait, dimension = self._run("acquire", *arguments)
        if answer == "admitted":
            return Admitted(timedelta(milliseconds=wait))
        return Denied(timedelta(milliseconds=wait) or FULL_WAIT, dimension)

    def _seed(self) -> None:
        memory = self._recall()
        pairs = [word for one, limit in memory.limits.items() for word in (one, limit)]
        self._run("seed", _ms(PERMIT_LIFE), len(memory.limits), *pairs, *memory.running)

    def hear(self, permit: str, heard: Heard) -> Lesson:
        """Ends a call in flight that was answered, or found nobody, and learns from that."""
        stated = [
            word
            for dimension, limit in heard.limits.items()
            for word in (dimension, self._configured(dimension), limit)
        ]
        hint = _ms(min(heard.hint, LONGEST_COOLING))
        answer, trouble, _ = self._run(
            "hear", permit, heard.sign, hint, heard.exhausted or "", *stated
        )
        return Lesson(answer == "news", trouble=bool(trouble))

    def release(self, permit: str) -> None:
        """Ends a call in flight that taught us nothing; what it cost stays counted."""
        self._run("release", permit)

    def refund(self, permit: str, load: Load) -> None:
        """Takes back a permit that was not used."""
        self._run("refund", permit, *self._costs(load))

    def renew(self, permits: Iterable[str]) -> None:
        """Keeps calls in flight counted while they run."""
        self._run("renew", _ms(PERMIT_LIFE), *permits)

    def cool(self, span: timedelta) -> None:
        """Gives no permit for so long."""
        self._run("cool", _ms(span))

    def known(self) -> Known:
        """What is known of the limits now."""
        _, in_flight, words = self._run("known")
        return Known.parse(in_flight, words)

    def calls_per_second(self) -> float | None:
        """The most one-image calls a second that go out now; None where nothing limits them."""
        known = self.known()
        if known.cooling or known.circuit is not None:
            return 0.5
        rates = [
            self.limits.requests,
            self.limits.images,
            known.limits.get(Dimension.REQUESTS),
            known.limits.get(Dimension.IMAGES),
            known.pace,
        ]
        said = [rate for rate in rates if rate is not None]
        return min(said) / 60 if said else None

    def _configured(self, dimension: Dimension) -> int:
        return getattr(self.limits, dimension) or 0

    def _costs(self, load: Load) -> Iterator[str | int]:
        for dimension in Dimension:
            if cost := getattr(load, dimension):
                yield from (dimension, self._configured(dimension), cost)

    def _run(self, *arguments: str | float) -> tuple[str, int, str]:
        try:
            answer, wait, dimension = self._script(keys=self._keys, args=arguments)
        except RedisError as error:
            raise LimiterAway(str(error)) from error
        return answer.decode(), int(wait), dimension.decode()


def _ms(span: timedelta) -> int:
    return int(span / timedelta(milliseconds=1))
