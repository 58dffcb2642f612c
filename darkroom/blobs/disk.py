"""Blobs in a directory of the local disk: private to its user, atomic, durable, safe for many processes."""

import errno
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256 as new_sha256
from io import FileIO
from pathlib import Path
from typing import Final

from darkroom.blobs.contract import CHUNK_BYTES, BlobMissing, StorageFailed, not_this_one, probe
from darkroom.blobs.keys import IDENTITY, blob_key, named_key, prefix_folder, span

LEFTOVER_AGE: Final = timedelta(days=1)

_PRIVATE_FILE: Final = partial(os.open, mode=0o600)
_FIXES: Final = {
    errno.ENOSPC: "free some space or move the storage to a larger disk",
    errno.EDQUOT: "raise the user's disk quota or free some space",
    errno.EACCES: "give the user who runs this process read and write access to the directory",
    errno.EPERM: "give the user who runs this process read and write access to the directory",
    errno.EROFS: "mount the disk writable",
    errno.EFBIG: "raise the largest file size (ulimit -f)",
    errno.EMFILE: "raise the number of open files (ulimit -n)",
    errno.ENOENT: "a directory vanished: check that the disk is mounted",
    errno.EIO: "the disk reports errors: look into the kernel log",
}


class DiskStore:
    """A BlobStore in one directory: `blobs/ab/cd/<sha256>`, `named/<name>`, `tmp/` and `identity`.

    A blob is written to `tmp/`, synced, renamed into place, and then its directory is synced: a power cut
    after `put` returned does not lose it. Once it is known by its identity, nothing is written, and nothing
    is said to be missing, where that is not found.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tmp = root / "tmp"
        self._identity: str | None = None

    @property
    def place(self) -> str:
        return str(self._root)

    def identity(self) -> str | None:
        absent = suppress(FileNotFoundError, NotADirectoryError)
        with self._trouble("look at the storage"), absent:
            return (self._root / IDENTITY).read_text("utf-8", "replace").strip()
        return None

    def lay_out(self, identity: str) -> None:
        there = self.identity()
        if there not in (None, identity):
            raise not_this_one(self.place, identity)
        with self._trouble("lay out the storage"):
            self.make_folders()
            if there is None:
                with self._fresh_file() as (file, temporary):
                    _write(file, f"{identity}\n".encode())
                    self._publish(file, temporary, self._root / IDENTITY)
                _sync(self._root)
        self._identity = identity

    def make_folders(self) -> None:
        """Make what is missing of the directories."""
        with self._trouble("make the directories"):
            self._root.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self._root, self._root / "blobs", self._root / "named", self._tmp):
                _make_folder(folder)

    def put(self, data: bytes | memoryview) -> str:
        address = new_sha256(data).hexdigest()
        target = self._root / blob_key(address)
        with self._trouble("store a blob"):
            if not _holds(target, memoryview(data).nbytes):
                with self._fresh_file() as (file, temporary):
                    _write(file, data)
                    self._publish(file, temporary, target)
            _sync(target.parent)
        return address

    def put_file(self, source: Path) -> tuple[str, int]:
        digest, size = new_sha256(), 0
        with self._trouble("store a file"), self._fresh_file() as (file, temporary):
            for chunk in _file_chunks(source):
                digest.update(chunk)
                _write(file, chunk)
                size += len(chunk)
            target = self._root / blob_key(digest.hexdigest())
            if _holds(target, size):
                temporary.unlink()
            else:
                self._publish(file, temporary, target)
            _sync(target.parent)
        return digest.hexdigest(), size

    def get(self, sha256: str) -> bytes:
        with self._trouble("read a blob", missing=sha256):
            return (self._root / blob_key(sha256)).read_bytes()

    def read(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._chunks(sha256, span(self.size(sha256), start, end))

    def size(self, sha256: str) -> int:
        with self._trouble("look up a blob", missing=sha256):
            return (self._root / blob_key(sha256)).stat().st_size

    def path(self, sha256: str) -> Path:
        self.size(sha256)
        return self._root / blob_key(sha256)

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        yield self.path(sha256)

    def delete(self, sha256: str) -> None:
        self._require()
        with self._trouble("delete a blob"):
            (self._root / blob_key(sha256)).unlink(missing_ok=True)

    def discard(self, sha256: str, before: datetime) -> int | None:
        path, aside = self._root / blob_key(sha256), self._tmp / f"discard-{secrets.token_hex(8)}"
        with self._trouble("discard a blob"), suppress(FileNotFoundError):
            if path.stat().st_mtime >= before.timestamp():
                return None
            path.rename(aside)
            seen = aside.stat()
            if seen.st_mtime >= before.timestamp():
                aside.rename(path)
                return None
            aside.unlink()
            return seen.st_size
        self._require()
        return 0

    def keep(
        self,
        name: str,
        data: bytes | memoryview | Iterable[bytes],
        *,
        synced: bool = False,
    ) -> None:
        target = self._root / named_key(name)
        chunks = [data] if isinstance(data, bytes | memoryview) else data
        with self._trouble("keep a named object"), self._fresh_file() as (file, temporary):
            for chunk in chunks:
                _write(file, chunk)
            if synced:
                self._publish(file, temporary, target)
                _sync(target.parent)
            else:
                self._make_folders(target)
                temporary.replace(target)

    def kept(self, name: str) -> bytes | None:
        absent = suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError)
        with self._trouble("read a named object"), absent:
            return (self._root / named_key(name)).read_bytes()
        self._require()
        return None

    def drop(self, name: str) -> None:
        self._require()
        with self._trouble("drop a named object"):
            (self._root / named_key(name)).unlink(missing_ok=True)

    def kept_names(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        return self._named(self._root / prefix_folder(prefix), prefix)

    def free_bytes(self) -> int:
        self._require()
        with self._trouble("measure the free space"):
            volume = os.statvfs(self._root)
        return volume.f_bavail * volume.f_frsize

    def sweep(self) -> int:
        self._require()
        newest = time.time() - LEFTOVER_AGE.total_seconds()
        with self._trouble("remove left-over files"):
            stale = [path for path, written in _files(self._tmp) if written < newest]
            for path in stale:
                path.unlink(missing_ok=True)
        return len(stale)

    def check(self) -> None:
        if self._identity is None and self.identity() is None:
            self._require_room()
        else:
            probe(self)

    def _require(self) -> None:
        """Raises StorageFailed where the storage is not there that this one is known to be."""
        if self._identity is not None and self.identity() != self._identity:
            raise not_this_one(self.place, self._identity)

    def _require_room(self) -> None:
        with self._trouble("lay out the storage"):
            base = next(one for one in (self._root, *self._root.parents) if one.exists())
            code = errno.EACCES if base.is_dir() else errno.ENOTDIR
            if not (base.is_dir() and os.access(base, os.W_OK | os.X_OK)):
                raise OSError(code, os.strerror(code), str(base))

    def _chunks(self, sha256: str, positions: range) -> Iterator[bytes]:
        with (
            self._trouble("read a blob", missing=sha256),
            (self._root / blob_key(sha256)).open("rb", buffering=0) as file,
        ):
            file.seek(positions.start)
            left = len(positions)
            while left and (chunk := file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    def _named(self, folder: Path, prefix: str) -> Iterator[tuple[str, datetime]]:
        self._require()
        with self._trouble("list named objects"):
            for path, written in _files(folder):
                name = path.relative_to(self._root / "named").as_posix()
                if name.startswith(prefix):
                    yield name, datetime.fromtimestamp(written, UTC)

    @contextmanager
    def _fresh_file(self) -> Iterator[tuple[FileIO, Path]]:
        self._require()
        temporary = self._tmp / f"{os.getpid()}-{secrets.token_hex(8)}"
        with open(temporary, "xb", buffering=0, opener=_PRIVATE_FILE) as file:
            try:
                yield file, temporary
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def _publish(self, file: FileIO, temporary: Path, target: Path) -> None:
        os.fsync(file.fileno())
        self._make_folders(target)
        temporary.replace(target)

    def _make_folders(self, target: Path) -> None:
        """What is below the directories of the layout; those are never made on the way."""
        for folder in reversed(target.relative_to(self._root).parents[:-2]):
            _make_folder(self._root / folder)

    @contextmanager
    def _trouble(self, operation: str, missing: str | None = None) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if missing is None:
                raise self._failure(operation, error) from error
            self._require()
            raise BlobMissing(missing) from error
        except OSError as error:
            raise self._failure(operation, error) from error

    def _failure(self, operation: str, error: OSError) -> StorageFailed:
        reason = f"{error.strerror or error} ({error.filename or self._root})"
        fix = _FIXES.get(error.errno or 0, "check the disk and the directory")
        return StorageFailed(operation, reason, fix)


def _holds(target: Path, size: int) -> bool:
    """Whether it is there whole; it is marked as stored just now, so that nobody discards it."""
    try:
        os.utime(target)
        return target.stat().st_size == size
    except FileNotFoundError:
        return False


def _write(file: FileIO, data: bytes | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) :]


def _make_folder(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_chunks(source: Path) -> Iterator[bytes]:
    with source.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _files(folder: Path) -> Iterator[tuple[Path, float]]:
    """Every file below a folder with its time of writing; what vanishes meanwhile is left out."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            else:
                with suppress(FileNotFoundError):
                    yield Path(entry.path), entry.stat(follow_symlinks=False).st_mtime
