"""Whether the servers that an operator runs are as the queue needs them: database, broker, storage."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import redis
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from darkroom.blobs import BlobStore, StorageFailed, open_store
from darkroom.cli.finding import Finding, fail, ok, warn
from darkroom.cli.provider_checks import clock_finding
from darkroom.domain.figures import volume
from darkroom.domain.room import room_needed
from darkroom.rightful import require
from darkroom.store import checkup
from darkroom.store.session import StoreAway, open_engine, transaction

LEAST_POSTGRES = 17
LEAST_REDIS = (6, 2)
_SECONDS = 5.0


def database_findings(url: str | None) -> Iterator[Finding]:
    """Whether Postgres answers, is new enough, agrees on the time and has our tables."""
    if url is None:
        yield ok("database", "embedded")
        return
    variable = "DARKROOM_DATABASE_URL"
    if not _is_postgres(url):
        yield fail("database", f"{variable} has another scheme; write postgresql://…")
        return
    engine = open_engine(url, pool=1, application="darkroom doctor")
    try:
        with transaction(engine) as connection:
            found = checkup.look(connection)
    except StoreAway as away:
        yield fail("database", f"cannot be reached ({away}); start it or correct {variable}")
        return
    finally:
        engine.dispose()
    yield from _database(found)


def _is_postgres(url: str) -> bool:
    return urlsplit(url).scheme.partition("+")[0] in {"postgresql", "postgres"}


def _database(found: checkup.Condition) -> Iterator[Finding]:
    version = f"PostgreSQL {found.version}"
    if found.version < LEAST_POSTGRES:
        yield fail("database", f"{version}; upgrade to {LEAST_POSTGRES} or newer")
    elif found.read_only:
        yield fail("database", f"{version} takes no writes: it is a standby; name its primary")
    else:
        yield ok("database", version)
    yield clock_finding("db clock", "database's", found.now)
    if found.lacking:
        says = f"{found.lacking[0]} is missing; run `python -m migrations upgrade`"
        yield fail("tables", says)
    else:
        yield ok("tables", "all are there")


def redis_findings(url: str | None) -> Iterator[Finding]:
    """Whether the broker answers, is new enough, and forgets nothing by itself."""
    if url is None:
        yield ok("redis", "embedded")
        return
    try:
        with redis.Redis.from_url(
            url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
        ) as client:
            known = client.info()
    except ValueError:
        yield fail("redis", "DARKROOM_REDIS_URL has another scheme; write redis://… or rediss://…")
    except redis.RedisError as error:
        reason = str(error).split("\n", 1)[0]
        yield fail("redis", f"cannot be reached ({reason}); start it or correct DARKROOM_REDIS_URL")
    else:
        yield from _redis(known)


def _redis(known: dict[str, object]) -> Iterator[Finding]:
    version = str(known["redis_version"])
    parts = tuple(int(part) for part in version.split(".")[:2])
    if parts < LEAST_REDIS:
        yield fail(
            "redis", f"version {version}; upgrade to {LEAST_REDIS[0]}.{LEAST_REDIS[1]} or newer"
        )
    elif known["maxmemory"] and known["maxmemory_policy"] != "noeviction":
        policy = known["maxmemory_policy"]
        says = f"it throws keys away when its memory is full ({policy}); set maxmemory-policy noeviction"
        yield fail("redis", says)
    else:
        yield ok("redis", f"speaks version {version}")


def broker_findings(url: str | None) -> Iterator[Finding]:
    """Whether a broker beside Redis takes our messages; nothing where there is none."""
    if url is None:
        return
    try:
        with Connection(url, connect_timeout=_SECONDS) as connection:  # type: ignore[no-untyped-call]
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=_SECONDS)
    except OperationalError as error:
        reason = str(error).split("\n", 1)[0]
        yield fail(
            "broker", f"cannot be reached ({reason}); start it or correct DARKROOM_BROKER_URL"
        )
    else:
        yield ok("broker", f"answers by {urlsplit(url).scheme}")


def storage_findings(url: str, in_flight: int, database_url: str | None) -> Iterator[Finding]:
    """Whether images can be written where they are to lie, and whether there is room."""
    try:
        store = open_store(url)
        store.check()
        is_laid_out = store.identity() is not None
        free = store.free_bytes() if is_laid_out else None
    except (StorageFailed, ValueError) as error:
        yield fail("storage", f"{error}; make it writable or correct DARKROOM_STORAGE_URL")
        return
    if strange := _strange(database_url, store):
        yield fail("storage", strange)
    elif is_laid_out:
        yield ok("storage", "can be written to")
    else:
        yield warn("storage", f"nothing is in {store.place} yet: if that is not so, mount its disk")
    if free is not None:
        yield disk_finding(free, in_flight)


def _strange(database_url: str | None, store: BlobStore) -> str | None:
    """Why this is not the storage of that database; nothing of a database that cannot be asked."""
    if database_url is None or not _is_postgres(database_url):
        return None
    engine = open_engine(database_url, pool=1, application="darkroom doctor")
    try:
        require(engine, store)
    except StorageFailed as trouble:
        return str(trouble)
    except StoreAway:
        return None
    finally:
        engine.dispose()
    return None


def disk_finding(free: int, in_flight: int) -> Finding:
    """Whether there is room for what so many calls in flight may bring."""
    needed = room_needed(in_flight)
    if free < needed:
        says = f"{volume(free)} free; below {volume(needed)} no call is made: make room or move the storage"
        return fail("disk", says)
    return ok("disk", f"{volume(free)} free")
