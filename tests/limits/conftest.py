"""A limiter on the real server, and a look at what that server remembers."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from redis import Redis

from darkroom.domain.limit import Limits, PerMinute
from darkroom.limits import Limiter, Memory
from darkroom.limits.limiter import PERMIT_LIFE

KEY = "test"
FAMILY = "gpt-image"
_MOMENTS = (b":at", b"_at", b":until", b"_until", b"born")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def limiter_of(redis: Redis) -> Callable[..., Limiter]:
    """A limiter under these limits that is born already, with these calls in flight."""

    def made(running: tuple[str, ...] = (), in_flight: int = 100_000, **limits: int) -> Limiter:
        memory = Memory(running)
        allowed = Limits(in_flight, PerMinute(**limits))
        limiter = Limiter(redis, KEY, allowed, lambda _: memory)
        limiter.prime([FAMILY])
        return limiter

    return made


@pytest.fixture
def server(redis: Redis) -> "Server":
    return Server(redis)


class Server:
    """What the server holds of the limiter under test; time is moved by rewriting it, never by waiting."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.key = f"{{darkroom:limits:{KEY}}}:key"
        self.flight = f"{{darkroom:limits:{KEY}}}:flight"
        self.levels = self.levels_of(FAMILY)
        self.seconds = f"{{darkroom:limits:{KEY}}}:{FAMILY}:seconds"

    def levels_of(self, family: str) -> str:
        return f"{{darkroom:limits:{KEY}}}:{family}:levels"

    def admitted(self) -> list[float]:
        """The moments at which the calls in flight may begin, in seconds of the server's clock."""
        life = PERMIT_LIFE / timedelta(milliseconds=1)
        scores = self.redis.zrange(self.flight, 0, -1, withscores=True)
        return sorted((score - life) / 1000 for _, score in scores)

    def in_flight(self) -> set[str]:
        return {permit.decode() for permit in self.redis.zrange(self.flight, 0, -1)}

    def level(self, dimension: str) -> float:
        return float(self.redis.hget(self.levels, dimension) or 0)

    def cool(self, seconds: float) -> None:
        """As if the provider had just asked for so long a rest."""
        now = self.redis.time()[0] * 1000
        self.redis.hset(self.levels, "cool:all", now + int(seconds * 1000))

    def pass_time(self, seconds: float) -> None:
        """As if everything had happened that much earlier."""
        for held in (self.key, *self.redis.scan_iter(self.levels_of("*"))):
            for name, value in self.redis.hgetall(held).items():
                if name.endswith(_MOMENTS) or name.startswith(b"cool:"):
                    self.redis.hset(held, name, int(value) - int(seconds * 1000))
        for name, value in self.redis.hgetall(self.seconds).items():
            second, kind = name.split(b":")
            self.redis.hdel(self.seconds, name)
            self.redis.hincrby(self.seconds, f"{int(second) - int(seconds)}:{kind.decode()}", value)
        for permit, score in self.redis.zrange(self.flight, 0, -1, withscores=True):
            self.redis.zadd(self.flight, {permit: score - seconds * 1000})
