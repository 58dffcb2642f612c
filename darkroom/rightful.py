"""The one storage of a database: used only where it is, and laid out anew only where there never was one."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from darkroom.blobs import BlobMissing, BlobStore, StorageFailed, not_this_one
from darkroom.store import storage
from darkroom.store.session import Database, Transaction, transaction
from darkroom.store.storage import Known


def require(engine: Database, store: BlobStore) -> None:
    """Sees that this storage is the database's, or may become it; changes nothing.

    Raises:
        StorageFailed: it is not, or cannot be looked at.
        StoreAway: the database cannot be asked.
    """
    with _asked(engine) as connection:
        found = storage.known(connection)
    if found:
        _require(store, found, store.identity())


def settle(engine: Database, store: BlobStore) -> None:
    """Makes this storage the database's, if none is yet and it may be: many at once agree.

    The storage of a database that has images already must hold the newest.

    Raises:
        StorageFailed: it is another than the database's, or cannot be looked at.
        StoreAway: the database cannot be asked.
    """
    with _asked(engine) as connection:
        found = storage.known(connection) or storage.proposed(connection, secrets.token_hex(8))
    there = store.identity()
    _require(store, found, there)
    identity = there or found.identity
    store.lay_out(identity)
    if found.is_settled:
        return
    with _asked(engine) as connection:
        settled = storage.settle(connection, identity)
    if settled != identity:
        raise not_this_one(store.place, settled)


def _require(store: BlobStore, found: Known, there: str | None) -> None:
    if found.is_settled:
        is_ours = there == found.identity
    else:
        is_ours = found.newest is None or _holds(store, found.newest)
    if not is_ours:
        raise not_this_one(store.place, found.identity)


def _holds(store: BlobStore, sha256: str) -> bool:
    try:
        store.size(sha256)
    except BlobMissing:
        return False
    return True


@contextmanager
def _asked(engine: Database) -> Iterator[Transaction]:
    """A database that can say which storage is its own."""
    with transaction(engine) as connection:
        if not storage.is_kept(connection):
            reason = "the database is of an earlier version and does not know which one is its own"
            raise StorageFailed("use the storage", reason, "run the migrations")
        yield connection


class Rightful:
    """A database's storage: asked for nothing before it has shown that it is that one.

    Whatever is asked of it looks again until it has; whoever mounts a disk need start nothing anew. Every
    method does what the one of that name of a BlobStore does, and until then may raise StoreAway as well.
    """

    def __init__(self, engine: Database, store: BlobStore) -> None:
        self._engine, self._store = engine, store
        self._is_ours = False

    def settle(self) -> None:
        """As the function of this name; once it has ended well, that is known."""
        settle(self._engine, self._store)
        self._is_ours = True

    @property
    def _ours(self) -> BlobStore:
        if not self._is_ours:
            self.settle()
        return self._store

    @property
    def place(self) -> str:
        return self._store.place

    def identity(self) -> str | None:
        return self._store.identity()

    def lay_out(self, identity: str) -> None:
        self._store.lay_out(identity)

    def put(self, data: bytes | memoryview) -> str:
        return self._ours.put(data)

    def put_file(self, source: Path) -> tuple[str, int]:
        return self._ours.put_file(source)

    def get(self, sha256: str) -> bytes:
        return self._ours.get(sha256)

    def read(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._ours.read(sha256, start, end)

    def size(self, sha256: str) -> int:
        return self._ours.size(sha256)

    def path(self, sha256: str) -> Path | None:
        return self._ours.path(sha256)

    def local(self, sha256: str) -> AbstractContextManager[Path]:
        return self._ours.local(sha256)

    def delete(self, sha256: str) -> None:
        self._ours.delete(sha256)

    def discard(self, sha256: str, before: datetime) -> int | None:
        return self._ours.discard(sha256, before)

    def keep(self, name: str, data: bytes | memoryview | Iterable[bytes]) -> None:
        self._ours.keep(name, data)

    def kept(self, name: str) -> bytes | None:
        return self._ours.kept(name)

    def drop(self, name: str) -> None:
        self._ours.drop(name)

    def kept_names(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        return self._ours.kept_names(prefix)

    def free_bytes(self) -> int | None:
        return self._ours.free_bytes()

    def sweep(self) -> int:
        return self._ours.sweep()

    def check(self) -> None:
        self._ours.check()
