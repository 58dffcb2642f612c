"""The limiter: permits for calls, counted over all workers by one Lua script on the server's clock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files

from redis import Redis, RedisError

from darkroom.domain.limit import Dimension, Heard, Limits
from darkroom.limits.known import Known, Memory

PERMIT_LIFE = timedelta(seconds=45)
"""How long a permit holds its place in flight without a heartbeat: longer than a lease."""

FULL_WAIT = timedelta(milliseconds=250)
"""When to ask again while all calls in flight are taken."""

LONGEST_COOLING = timedelta(minutes=1)
"""A provider that asks for more is asked again all the same: a key must not sleep through a night."""

_PARTS = ("levels.lua", "permits.lua", "answers.lua")
"""One script, in the order in which its parts lean on each other."""


@cache
def _source() -> str:
    """Read once: the API makes a limiter for each look at one."""
    room = files("darkroom.limits")
    return "\n".join(room.joinpath(part).read_text("utf-8") for part in _PARTS)


@dataclass(frozen=True, slots=True)
class Load:
    """Which family of models one call asks for, and what it costs in each dimension."""

    family: str
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
    """Permits for one provider key, counted by the minute for each family of models.

    `recall` tells what a limiter that has forgotten a family should know of it.
    """

    def __init__(
        self, redis: Redis, key: str, limits: Limits, recall: Callable[[str], Memory]
    ) -> None:
        self.limits = limits
        self._recall = recall
        self._name = f"{{darkroom:limits:{key}}}"
        """In braces: all keys of one limiter lie in one slot of a cluster."""
        self._script = redis.register_script(_source())

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
        answer, wait, dimension = self._run("acquire", *arguments, family=load.family)
        if answer == "cold":
            self._seed(load.family)
            answer, wait, dimension = self._run("acquire", *arguments, family=load.family)
        if answer == "admitted":
            return Admitted(timedelta(milliseconds=wait))
        return Denied(timedelta(milliseconds=wait) or FULL_WAIT, dimension)

    def prime(self, families: Iterable[str]) -> None:
        """Begins to count these families, unless they are counted: a first call finds what came in since.

        Raises:
            LimiterAway: it cannot be reached.
        """
        for family in sorted(families):
            self._seed(family)

    def _seed(self, family: str) -> None:
        memory = self._recall(family)
        pairs = [word for one, limit in memory.limits.items() for word in (one, limit)]
        arguments = (_ms(PERMIT_LIFE), len(memory.limits), *pairs, *memory.running)
        self._run("seed", *arguments, family=family)

    def hear(self, permit: str, family: str, heard: Heard) -> Lesson:
        """Ends a call in flight that was answered, or found nobody, and learns from that."""
        configured = self.limits.of(family)
        stated = [
            word
            for dimension, limit in heard.limits.items()
            for word in (dimension, configured.of(dimension) or 0, limit)
        ]
        hint = _ms(min(heard.hint, LONGEST_COOLING))
        answer, trouble, _ = self._run(
            "hear", permit, heard.sign, hint, heard.exhausted or "", *stated, family=family
        )
        return Lesson(answer == "news", trouble=bool(trouble))

    def release(self, permit: str) -> None:
        """Ends a call in flight that taught us nothing; what it cost stays counted."""
        self._run("release", permit)

    def refund(self, permit: str, load: Load) -> None:
        """Takes back a permit that was not used."""
        self._run("refund", permit, *self._costs(load), family=load.family)

    def renew(self, permits: Iterable[str]) -> None:
        """Keeps calls in flight counted while they run, and counts those again that were forgotten."""
        self._run("renew", _ms(PERMIT_LIFE), *permits)

    def forget(self, *families: str) -> None:
        """Drops what answers have taught about families' limits: those that are set hold, or a new search.

        Raises:
            LimiterAway: it cannot be reached.
        """
        for family in families:
            self._run("forget", family=family)

    def known(self, family: str) -> Known:
        """What is known now of the key, and of its limits for a family."""
        _, in_flight, words = self._run("known", family=family)
        return Known.parse(in_flight, words)

    def known_of(self, families: Iterable[str]) -> dict[str, Known]:
        """The same of several families.

        Raises:
            LimiterAway: it cannot be reached.
        """
        return {family: self.known(family) for family in sorted(families)}

    def calls_per_second(self, family: str) -> float | None:
        """The most one-image calls a second that go out now; None where nothing limits them."""
        known, configured = self.known(family), self.limits.of(family)
        if known.cooling or known.circuit is not None:
            return 0.5
        rates = [
            configured.requests,
            configured.images,
            known.limits.get(Dimension.REQUESTS),
            known.limits.get(Dimension.IMAGES),
            known.pace,
        ]
        said = [rate for rate in rates if rate is not None]
        return min(said) / 60 if said else None

    def _costs(self, load: Load) -> Iterator[str | int]:
        configured = self.limits.of(load.family)
        for dimension in Dimension:
            if cost := getattr(load, dimension):
                yield from (dimension, configured.of(dimension) or 0, cost)

    def _run(self, *arguments: str | float, family: str | None = None) -> tuple[str, int, str]:
        """Runs the script on the keys of the whole limiter, and on those of a family where one is meant."""
        keys = [f"{self._name}:{name}" for name in ("key", "flight", "troubles")]
        if family is not None:
            keys += [f"{self._name}:{family}:{name}" for name in ("levels", "answers", "seconds")]
        try:
            answer, wait, dimension = self._script(keys=keys, args=arguments)
        except RedisError as error:
            raise LimiterAway(str(error)) from error
        return answer.decode(), int(wait), dimension.decode()


def _ms(span: timedelta) -> int:
    return int(span / timedelta(milliseconds=1))
