"""What the routes work with: opened once when the server starts, closed when it stops."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import redis

from api.endings import Endings
from api.feeds import Feeds
from api.looks import Looks
from api.projects import Projects
from api.signatures import Signatures
from api.throttle import Throttle
from api.thumbnails import Thumbnails
from api.told import Told
from darkroom.blobs import BlobStore, StorageFailed, open_store
from darkroom.domain.models import Models
from darkroom.domain.retention import Retention
from darkroom.lookout import Lookout
from darkroom.rightful import Rightful
from darkroom.store.session import Connection, Engine, StoreAway, open_engine, transaction
from darkroom.telemetry.logs import logger

POOL = 20
"""With as many again under load, a connection for each thread that serves a request."""

REDIS_SECONDS = 1.0
STORAGE_SECONDS = 10.0
"""How long an answer of the storage about itself holds: asking it writes."""

OK = "ok"


class ModelsOf(Protocol):
    """The models that draw for a project today, and the limits of the provider it wants, or of its own."""

    def __call__(self, project_id: str, wanted: str | None = None) -> Models: ...


class StorageCheck:
    """The storage's own check, asked for by many and made once in a while."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._until = 0.0
        self._said = OK

    def __call__(self) -> str:
        """`ok`, or what is wrong with the storage."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._said = self._asked()
                self._until = time.monotonic() + STORAGE_SECONDS
            return self._said

    def _asked(self) -> str:
        try:
            self._blobs.check()
        except StorageFailed as error:
            return error.reason
        except StoreAway:
            """Which storage is its own cannot be asked; of the database itself another check tells."""
        return OK


@dataclass(frozen=True, slots=True)
class Instruments:
    """The record, the blobs, and the broker, which is only asked whether it is well."""

    engine: Engine
    blobs: BlobStore
    broker: redis.Redis | None
    projects: Projects
    """Who draws what is submitted here."""
    models_of: ModelsOf
    lookout: Lookout
    retention: Retention
    """How long things are kept."""
    upload_bytes: int
    """The largest file that may be uploaded."""
    storage: StorageCheck
    feeds: Feeds
    endings: Endings
    thumbnails: Thumbnails
    throttle: Throttle
    signatures: Signatures
    looks: Looks
    told: Told
    flower_url: str | None
    """Where people find Flower."""
    metrics_token: str | None = field(default=None, repr=False)
    """What a monitor may show instead of a key."""

    def hush(self) -> None:
        """Ends what would keep a server that is told to stop; safe in a signal handler."""
        self.feeds.hush()
        self.endings.hush()

    def drawn_by(self, project_id: str, provider: str) -> Models:
        """The models of whoever draws a batch; of the project's own provider where that one is its no more."""
        asked = provider in self.projects.names(project_id)
        return self.models_of(project_id, provider if asked else None)

    def transaction(self) -> AbstractContextManager[Connection]:
        """One short transaction.

        A route opens and ends it in its own thread: a connection that is held while its request waits
        for a thread would deadlock with threads that wait for a connection.
        """
        return transaction(self.engine)


@contextmanager
def opened(
    database_url: str,
    storage_url: str,
    redis_url: str | None,
    upload_bytes: int,
    projects: Projects,
    *,
    models_of: ModelsOf,
    lookout: Lookout,
    requests_per_minute: int = 0,
    retention: Retention,
    flower_url: str | None = None,
    metrics_token: str | None = None,
) -> Iterator[Instruments]:
    """Opens the instruments and closes them at the end.

    What is away is no reason not to open: the storage is looked at once, and again whenever it is needed.
    """
    engine = open_engine(database_url, pool=POOL, application="darkroom api")
    broker = _broker(redis_url) if redis_url else None
    try:
        blobs = Rightful(engine, open_store(storage_url))
        _greet(blobs)
        with (
            closing(Feeds(engine)) as feeds,
            closing(Endings(engine)) as endings,
            closing(Thumbnails(blobs)) as thumbnails,
        ):
            yield Instruments(
                engine=engine,
                blobs=blobs,
                broker=broker,
                projects=projects,
                models_of=models_of,
                lookout=lookout,
                retention=retention,
                upload_bytes=upload_bytes,
                storage=StorageCheck(blobs),
                feeds=feeds,
                endings=endings,
                thumbnails=thumbnails,
                throttle=Throttle(requests_per_minute),
                signatures=Signatures(),
                looks=Looks(),
                told=Told(),
                flower_url=flower_url,
                metrics_token=metrics_token,
            )
    finally:
        engine.dispose()
        if broker:
            broker.close()


def _greet(blobs: Rightful) -> None:
    """A storage that nobody has used yet is laid out; of one in trouble it is said what keeps it from use."""
    try:
        blobs.settle()
    except (StorageFailed, StoreAway) as trouble:
        logger("api").error(str(trouble), action="storage_trouble")


def _broker(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
    )
