"""What every store of blobs promises, and the two ways it can say no."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from darkroom.blobs.keys import IDENTITY

CHUNK_BYTES = 1 << 20


class StorageFailed(Exception):  # noqa: N818 - named for what happened
    """The storage is in trouble: full, forbidden, away or broken. Nothing half-written is visible."""

    def __init__(self, operation: str, reason: str, fix: str) -> None:
        super().__init__(operation, reason, fix)
        self.operation = operation
        self.reason = reason
        self.fix = fix

    def __str__(self) -> str:
        """One line for a terminal or a log.

        >>> str(StorageFailed("store a blob", "the disk is full", "free some space"))
        'could not store a blob: the disk is full; free some space'
        """
        return f"could not {self.operation}: {self.reason}; {self.fix}"


class BlobMissing(Exception):  # noqa: N818 - named for what happened
    """No blob of this address is stored; the storage itself is well."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256

    def __str__(self) -> str:
        return f"no blob {self.sha256} is stored"


class BlobStore(Protocol):
    """Bytes under their own SHA-256, and named objects beside them.

    Every method may raise StorageFailed. An address that is no SHA-256 in lower-case hex, and a name
    outside `[A-Za-z0-9._/-]`, raise ValueError. Safe to share between threads and processes.

    Opening one makes nothing: where no disk is mounted, a directory looks like a new storage. It is laid out
    once, and has an identity from then on.
    """

    @property
    def place(self) -> str:
        """Where it is, in words for people."""
        ...

    def identity(self) -> str | None:
        """Return what it was called when it was laid out, None where nothing is, as on a bare mount point."""
        ...

    def lay_out(self, identity: str) -> None:
        """Make what is missing of it, and call it this; from then on no other is taken for it.

        Again changes nothing. What has another identity stays as it is, and is refused.
        """
        ...

    def put(self, data: bytes | memoryview) -> str:
        """Store bytes durably, all or nothing, and return their address; twice costs no second copy."""
        ...

    def put_file(self, source: Path) -> tuple[str, int]:
        """Store a file of any size in constant memory; returns its address and its size in bytes."""
        ...

    def get(self, sha256: str) -> bytes:
        """Return the whole blob, unverified. Raises BlobMissing."""
        ...

    def read(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Stream bytes `start` to `end` (exclusive) in chunks of 1 MiB. Raises BlobMissing at the call."""
        ...

    def size(self, sha256: str) -> int:
        """Return the blob's length in bytes. Raises BlobMissing."""
        ...

    def path(self, sha256: str) -> Path | None:
        """Return the local file, None where there is none. Raises BlobMissing. Never write to it."""
        ...

    def local(self, sha256: str) -> AbstractContextManager[Path]:
        """Lend a local file of the blob, a temporary copy where it must be. Raises BlobMissing."""
        ...

    def delete(self, sha256: str) -> None:
        """Remove a blob; one that is not there is removed already."""
        ...

    def discard(self, sha256: str, before: datetime) -> int | None:
        """Remove a blob that was last stored before this moment, so that who stores it now has it.

        Returns the bytes that this freed; None where it was stored again, and stays.
        """
        ...

    def keep(self, name: str, data: bytes | memoryview | Iterable[bytes]) -> None:
        """Store or replace a named object, all or nothing; on disk a power cut may still undo it."""
        ...

    def kept(self, name: str) -> bytes | None:
        """Return a named object, None if there is none."""
        ...

    def drop(self, name: str) -> None:
        """Remove a named object; one that is not there is removed already."""
        ...

    def kept_names(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """List the names that begin with `prefix`, in any order, with the time (UTC) of writing."""
        ...

    def free_bytes(self) -> int | None:
        """Return the space left, None where it has no bound."""
        ...

    def sweep(self) -> int:
        """Remove what crashed writers left more than a day ago; returns how many files that were."""
        ...

    def check(self) -> None:
        """Write, read back and remove a probe, so that trouble shows before money is spent.

        Of a directory where nothing is laid out: see that it can be.
        """
        ...


def not_this_one(place: str, identity: str) -> StorageFailed:
    """What is said of a place that does not hold the storage that is meant, with the two ways out."""
    return StorageFailed(
        f"use {place}",
        "it is not the storage of this database (its disk may not be mounted)",
        "mount it, or correct the storage URL; where the old one is given up for good, "
        f"write {identity} into the file {IDENTITY} there",
    )


def probe(store: BlobStore) -> None:
    """Prove that the store gives back what it was given. Raises StorageFailed."""
    data = secrets.token_bytes(64)
    address = store.put(data)
    try:
        answer = store.get(address)
    except BlobMissing:
        answer = b""
    finally:
        store.delete(address)
    if answer != data:
        raise StorageFailed(
            "read back a probe",
            "the storage did not give back what was just written",
            "use a storage with read-after-write consistency",
        )
