"""From a storage URL to a store."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from darkroom.blobs.bucket import BucketStore, connect
from darkroom.blobs.contract import BlobStore
from darkroom.blobs.disk import DiskStore

PATIENCE: Final = timedelta(seconds=15)

_OPTIONS: Final = ("endpoint", "region", "timeout")
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_ENDPOINT: Final = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?/?")


class BadStorageUrl(ValueError):  # noqa: N818 - named for what it is
    """The storage URL cannot be used; the message says why and never repeats it: it may hold a secret."""


def open_store(url: str) -> BlobStore:
    """Open `file:///absolute/path` or `s3://bucket/prefix?endpoint=http://…&region=…&timeout=15`.

    Neither is looked at before its first use, and nothing is made. Credentials come from the usual
    AWS_* environment variables only. `timeout` is how many seconds an S3 server may be silent.

    Raises:
        BadStorageUrl: the URL has a wrong form.
    """
    parts = _split(url)
    if "@" in parts.netloc:
        raise BadStorageUrl(
            "the storage URL holds a user or a password: take them out, "
            "and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )
    match parts.scheme:
        case "file":
            return DiskStore(_directory(parts))
        case "s3":
            return _bucket_store(parts)
        case _:
            raise BadStorageUrl("the storage URL must begin with file:/// or s3://")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url.strip())
    except ValueError:
        raise BadStorageUrl("the storage URL is not a URL: its host is malformed") from None


def _directory(parts: SplitResult) -> Path:
    directory = Path(unquote(parts.path))
    usable = parts.netloc in ("", "localhost") and not parts.query and not parts.fragment
    if not usable or directory == Path("/") or not directory.is_absolute():
        raise BadStorageUrl(
            "a file URL needs an absolute path and nothing else: file:///var/darkroom"
        )
    if "\0" in str(directory) or ".." in directory.parts:
        raise BadStorageUrl("the path of a file URL must hold neither '..' nor a NUL byte")
    return directory


def _bucket_store(parts: SplitResult) -> BucketStore:
    options = _options(parts)
    if not _BUCKET.fullmatch(parts.netloc):
        raise BadStorageUrl("an S3 URL needs a bucket's name behind s3://, without a port")
    endpoint = options.get("endpoint")
    if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
        raise BadStorageUrl(
            "endpoint must be http:// or https:// with a host and port, nothing else"
        )
    prefix = unquote(parts.path).strip("/")
    return BucketStore(
        connect(parts.netloc, prefix, endpoint, options.get("region"), _patience(options)),
        f"s3://{parts.netloc}/{prefix}",
    )


def _options(parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    unknown = sorted({name for name, _ in pairs} - set(_OPTIONS))
    if unknown or parts.fragment:
        raise BadStorageUrl(f"an S3 URL takes only these parameters: {', '.join(_OPTIONS)}")
    return dict(pairs)


def _patience(options: dict[str, str]) -> timedelta:
    seconds = options.get("timeout")
    if seconds is None:
        return PATIENCE
    if not re.fullmatch(r"[1-9]\d{0,2}", seconds):
        raise BadStorageUrl("timeout must be whole seconds, 1 to 999")
    return timedelta(seconds=int(seconds))
