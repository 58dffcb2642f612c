"""The one look at the record: shared, coalesced, and back after the record was away."""

import asyncio
from contextlib import aclosing, closing

import psycopg
import pytest

from api.feeds import Feeds
from darkroom.store import hints
from darkroom.store.session import StoreAway, transaction

LONG = 20.0


class _Counter:
    """Something to watch that says how often it was looked at."""

    def __init__(self) -> None:
        self.looks = 0
        self.value = 0
        self.away = 0

    def __call__(self, _connection) -> int:
        self.looks += 1
        if self.away:
            self.away -= 1
            raise StoreAway("it is a test")
        return self.value


def _ring(engine) -> None:
    with transaction(engine) as connection:
        hints.ring(connection)


async def _first(feeds, load, seen=None):
    async with aclosing(feeds.versions("it", load, seen, LONG)) as versions:
        return await anext(versions)


def test_two_hundred_watchers_are_one_look(engine):
    load = _Counter()

    async def all_of_them(feeds):
        streams = [feeds.versions("it", load, None, LONG) for _ in range(200)]
        first = await asyncio.gather(*(anext(stream) for stream in streams))
        looks, load.value = load.looks, 1
        _ring(engine)
        second = await asyncio.gather(*(anext(stream) for stream in streams))
        for stream in streams:
            await stream.aclose()
        return first, second, looks

    with closing(Feeds(engine)) as feeds:
        first, second, looks = asyncio.run(all_of_them(feeds))
    assert (
        len({version.name for version in first}) == len({version.name for version in second}) == 1
    )
    assert looks <= 3
    assert load.looks - looks <= 3


def test_what_has_not_changed_has_the_same_name_on_every_replica(engine):
    with closing(Feeds(engine)) as one, closing(Feeds(engine)) as other:
        names = {asyncio.run(_first(feeds, lambda _: ("a", 1))).name for feeds in (one, other)}
    assert len(names) == 1


def test_whoever_reads_slowly_gets_the_last_version(engine):
    load = _Counter()

    async def slowly(feeds):
        async with aclosing(feeds.versions("it", load, None, LONG)) as versions:
            await anext(versions)
            for load.value in range(1, 50):
                _ring(engine)
            return [
                version.value
                async for version in versions
                if version.value == 49 and feeds.hush() is None
            ]

    with closing(Feeds(engine)) as feeds:
        assert asyncio.run(slowly(feeds)) == [49]
    assert load.looks < 20


def test_a_look_that_fails_is_made_again(engine):
    load = _Counter()
    load.away = 1
    with closing(Feeds(engine)) as feeds:
        assert asyncio.run(_first(feeds, load)).value == 0
    assert load.looks == 2


def test_the_listener_comes_back_after_its_connection_was_cut(engine, database_url):
    load = _Counter()

    async def cut(feeds):
        async with aclosing(feeds.versions("it", load, None, LONG)) as versions:
            await anext(versions)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            load.value = 1
            return (await anext(versions)).value

    with closing(Feeds(engine)) as feeds:
        assert asyncio.run(cut(feeds)) == 1


def test_a_stream_ends_after_its_time_and_at_the_end_of_the_server(engine):
    async def short(feeds):
        return [version.value async for version in feeds.versions("it", lambda _: 1, None, 0.2)]

    with closing(Feeds(engine)) as feeds:
        assert asyncio.run(short(feeds)) in ([1], [])
    assert asyncio.run(short(feeds)) == []
    with pytest.raises(StopAsyncIteration):
        asyncio.run(_first(feeds, lambda _: 1))
