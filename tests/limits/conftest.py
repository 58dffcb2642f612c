"""A limiter on the real server, and a look at what that server remembers."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from redis import Redis

from darkroom.limits import Limiter, Limits, Memory
from darkroom.limits.limiter import PERMIT_LIFE

KEY = "test"
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
        limiter = Limiter(redis, KEY, Limits(in_flight, **limits), lambda: memory)
        limiter._seed()
        return limiter

    return made


@pytest.fixture
def server(redis: Redis) -> "Server":
    return Server(redis)


class Server:
    """What the server holds of the limiter under test; time is moved by rewriting it, never by waiting."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.levels = f"{{darkroom:limits:{KEY}}}:levels"
        self.flight = f"{{darkroom:limits:{KEY}}}:flight"
        self.places = f"{{darkroom:limits:{KEY}}}:places"
        self.seconds = f"{{darkroom:limits:{KEY}}}:seconds"

    def admitted(self) -> list[float]:
        """The moments at which the calls in flight may begin, in seconds of the server's clock."""
        life = PERMIT_LIFE / timedelta(milliseconds=1)
        scores = self.redis.zrange(self.flight, 0, -1, withscores=True)
        return sorted((score - life) / 1000 for _, score in scores)

    def in_flight(self) -> set[str]:
        return {permit.decode() for permit in self.redis.zrange(self.flight, 0, -1)}

    def level(self, dimension: str) -> float:
        return float(self.redis.hget(self.levels, dimension) or 0)

    def pass_time(self, seconds: float) -> None:
        """As if everything had happened that much earlier."""
        for name, value in self.redis.hgetall(self.levels).items():
            if name.endswith(_MOMENTS) or name.startswith(b"cool:"):
                self.redis.hset(self.levels, name, int(value) - int(seconds * 1000))
        for job, moment in self.redis.hgetall(self.places).items():
            self.redis.hset(self.places, job, int(float(moment)) - int(seconds * 1000))
        for name, value in self.redis.hgetall(self.seconds).items():
            second, kind = name.split(b":")
            self.redis.hdel(self.seconds, name)
            self.redis.hincrby(self.seconds, f"{int(second) - int(seconds)}:{kind.decode()}", value)
        for permit, score in self.redis.zrange(self.flight, 0, -1, withscores=True):
            self.redis.zadd(self.flight, {permit: score - seconds * 1000})
