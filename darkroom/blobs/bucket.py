"""Blobs in a bucket of an S3-compatible server."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from hashlib import sha256 as new_sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, NotSupportedError
from obstore.store import S3Store

from darkroom.blobs.bucket_failures import bucket_is_missing, explained, is_unimplemented
from darkroom.blobs.contract import CHUNK_BYTES, BlobMissing, StorageFailed, not_this_one, probe
from darkroom.blobs.keys import IDENTITY, blob_key, named_key, prefix_folder, span

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

PART_BYTES: Final = 8 << 20
FRESH: Final = timedelta(hours=12)
"""What was stored before is stored again, so that nobody discards it as old who looks at it now."""
_PARTS_AT_ONCE: Final = 4
# One request is one window: a slow reader never holds a connection, and memory stays bounded.
_WINDOW_BYTES: Final = 8 * CHUNK_BYTES
# Port 0 cannot be listened on. Without it a machine with no AWS_* variables would ask the cloud's
# metadata service for credentials, over the network and unasked.
_NO_METADATA_SERVICE: Final = "http://127.0.0.1:0"


def connect(
    bucket: str, prefix: str, endpoint: str | None, region: str | None, patience: timedelta
) -> S3Store:
    """Describe the bucket to the client, which reads credentials from AWS_* and sends nothing yet.

    `patience` bounds the silence of the server in one request. Refusals and 5xx answers are tried
    three times within it; a server that hangs for so long is not asked again.
    """
    config: S3Config = {"metadata_endpoint": _NO_METADATA_SERVICE, "disable_bulk_delete": True}
    client: ClientConfig = {
        "connect_timeout": min(patience, timedelta(seconds=5)),
        "read_timeout": patience,
        "timeout": timedelta(minutes=10),
    }
    if region:
        config["region"] = region
    if endpoint:
        config["endpoint"] = endpoint
        client["allow_http"] = endpoint.startswith("http://")
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": patience * 0.8}
    return S3Store(
        bucket, prefix=prefix or None, config=config, client_options=client, retry_config=retry
    )


class BucketStore:
    """A BlobStore in a bucket, with the keys that the disk uses as paths.

    Incomplete multipart uploads of crashed writers are invisible here but cost space: give the
    bucket a lifecycle rule that aborts them.
    """

    def __init__(self, store: S3Store, place: str) -> None:
        self._store = store
        self._place = place
        self._creates = True

    @property
    def place(self) -> str:
        return self._place

    def identity(self) -> str | None:
        try:
            with _trouble("look at the storage", missing=IDENTITY):
                found = obstore.get(self._store, IDENTITY).bytes().to_bytes()
        except BlobMissing:
            return None
        return found.decode("utf-8", "replace").strip()

    def lay_out(self, identity: str) -> None:
        there = self.identity()
        if there not in (None, identity):
            raise not_this_one(self.place, identity)
        if there is None:
            with _trouble("lay out the storage"):
                self._upload(IDENTITY, f"{identity}\n".encode())

    def put(self, data: bytes | memoryview) -> str:
        address = new_sha256(data).hexdigest()
        key, size = blob_key(address), memoryview(data).nbytes
        with _trouble("store a blob"):
            if size > PART_BYTES or not self._creates:
                self._upload_unless_held(key, data, size)
            else:
                self._create(key, data, size)
        return address

    def put_file(self, source: Path) -> tuple[str, int]:
        with _trouble("store a file"):
            with source.open("rb") as file:
                address = file_digest(file, "sha256").hexdigest()
                size = file.tell()
            self._upload_unless_held(blob_key(address), source, size)
        return address, size

    def get(self, sha256: str) -> bytes:
        with _trouble("read a blob", missing=sha256):
            return obstore.get(self._store, blob_key(sha256)).bytes().to_bytes()

    def read(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._chunks(sha256, span(self.size(sha256), start, end))

    def size(self, sha256: str) -> int:
        with _trouble("look up a blob", missing=sha256):
            return obstore.head(self._store, blob_key(sha256))["size"]

    def path(self, sha256: str) -> None:
        blob_key(sha256)

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(prefix="blob-") as file:
            for chunk in self.read(sha256):
                file.write(chunk)
            file.flush()
            yield Path(file.name)

    def delete(self, sha256: str) -> None:
        self._remove(blob_key(sha256), "delete a blob")

    def discard(self, sha256: str, before: datetime) -> int | None:
        """As promised, but for who stores it between the look and the deletion, which knows no condition."""
        with _trouble("discard a blob"):
            try:
                held = obstore.head(self._store, blob_key(sha256))
            except FileNotFoundError as error:
                if bucket_is_missing(error):
                    raise
                return 0
            if held["last_modified"] >= before:
                return None
            obstore.delete(self._store, blob_key(sha256))
            return held["size"]

    def keep(self, name: str, data: bytes | memoryview | Iterable[bytes]) -> None:
        key = named_key(name)
        with _trouble("keep a named object"):
            self._upload(key, data if isinstance(data, bytes | memoryview) else _gathered(data))

    def kept(self, name: str) -> bytes | None:
        key = named_key(name)
        try:
            with _trouble("read a named object", missing=name):
                return obstore.get(self._store, key).bytes().to_bytes()
        except BlobMissing:
            return None

    def drop(self, name: str) -> None:
        self._remove(named_key(name), "drop a named object")

    def kept_names(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        return self._named(prefix_folder(prefix), prefix)

    def free_bytes(self) -> None:
        return None

    def sweep(self) -> int:
        return 0

    def check(self) -> None:
        probe(self)

    def _create(self, key: str, data: bytes | memoryview, size: int) -> None:
        try:
            obstore.put(self._store, key, data, mode="create")
        except AlreadyExistsError:
            # Also the answer to a concurrent upload that may yet fail, so it is not taken on trust.
            self._upload_unless_held(key, data, size)
        except (GenericError, NotSupportedError) as error:
            if not is_unimplemented(error):
                raise
            self._creates = False
            self._upload_unless_held(key, data, size)

    def _upload_unless_held(self, key: str, data: bytes | memoryview | Path, size: int) -> None:
        try:
            there = obstore.head(self._store, key)
            fresh = datetime.now(UTC) - there["last_modified"] < FRESH
            held = there["size"] == size and fresh
        except FileNotFoundError:
            held = False
        if not held:
            self._upload(key, data)

    def _upload(self, key: str, data: bytes | memoryview | Path | Iterator[bytes]) -> None:
        obstore.put(self._store, key, data, chunk_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    def _remove(self, key: str, operation: str) -> None:
        with _trouble(operation):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError as error:
                if bucket_is_missing(error):
                    raise

    def _chunks(self, sha256: str, positions: range) -> Iterator[bytes]:
        for start in positions[::_WINDOW_BYTES]:
            end = min(start + _WINDOW_BYTES, positions.stop)
            with _trouble("read a blob", missing=sha256):
                window = obstore.get_range(self._store, blob_key(sha256), start=start, end=end)
            view = memoryview(window)
            yield from (
                bytes(view[at : at + CHUNK_BYTES]) for at in range(0, len(view), CHUNK_BYTES)
            )

    def _named(self, folder: str, prefix: str) -> Iterator[tuple[str, datetime]]:
        with _trouble("list named objects"):
            for page in obstore.list(self._store, folder, chunk_size=1000):
                for found in page:
                    name = found["path"].removeprefix("named/")
                    if name.startswith(prefix):
                        yield name, found["last_modified"]


@contextmanager
def _trouble(operation: str, missing: str | None = None) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if missing is not None and not bucket_is_missing(error):
            raise BlobMissing(missing) from None
        raise StorageFailed(operation, *explained(error)) from None
    except (BaseError, OSError) as error:
        # Not chained: the server's answer, which the client quotes, may hold the access key.
        raise StorageFailed(operation, *explained(error)) from None


def _gathered(chunks: Iterable[bytes]) -> bytes | Iterator[bytes]:
    """Join what fits into one request; only more than that goes up in parts."""
    rest, head = iter(chunks), bytearray()
    for chunk in rest:
        head += chunk
        if len(head) >= PART_BYTES:
            return chain([bytes(head)], rest)
    return bytes(head)
