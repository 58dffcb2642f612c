"""Where an object stands inside a store, the same on disk and in a bucket."""

import re

NAME_BYTES = (
    1024  # the longest key of S3: docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
)
SEGMENT_BYTES = 255  # the longest file name of the usual file systems

IDENTITY = "identity"
"""Beside blobs and named objects: what the storage is called."""

_ADDRESS = re.compile(r"[0-9a-f]{64}")
_CHARACTERS = re.compile(r"[A-Za-z0-9._/-]*")


def blob_key(sha256: str) -> str:
    """Return the key of a blob; two levels keep directories small.

    >>> blob_key("ab" * 32)[:20]
    'blobs/ab/ab/abababab'
    >>> blob_key("../../etc/passwd")
    Traceback (most recent call last):
    ValueError: '../../etc/passwd' is not a SHA-256 in lower-case hex
    """
    if not _ADDRESS.fullmatch(sha256):
        raise ValueError(f"{sha256[:80]!r} is not a SHA-256 in lower-case hex")
    return f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def named_key(name: str) -> str:
    """Return the key of a named object.

    >>> named_key("receipts/42")
    'named/receipts/42'
    >>> named_key("receipts/../../x")
    Traceback (most recent call last):
    ValueError: 'receipts/../../x' cannot name an object: use parts of [A-Za-z0-9._-] between slashes
    """
    parts = name.split("/")
    if not _usable(name) or any(part in ("", ".", "..") for part in parts):
        raise ValueError(
            f"{name[:80]!r} cannot name an object: use parts of [A-Za-z0-9._-] between slashes"
        )
    return f"named/{name}"


def prefix_folder(prefix: str) -> str:
    """Return the folder in which every name with this prefix stands.

    >>> prefix_folder("receipts/2026-"), prefix_folder("receipts/"), prefix_folder("rec")
    ('named/receipts', 'named/receipts', 'named')
    """
    folder = prefix.rpartition("/")[0]
    if not _usable(prefix):
        raise ValueError(f"{prefix[:80]!r} cannot begin a name: use [A-Za-z0-9._/-]")
    return named_key(folder) if folder else "named"


def span(size: int, start: int, end: int | None) -> range:
    """Return the positions of a range that exist in an object of this size.

    >>> span(10, 4, 99), span(10, 12, None)
    (range(4, 10), range(10, 10))
    >>> span(10, -1, None)
    Traceback (most recent call last):
    ValueError: bytes -1 to None are no range: 0 <= start <= end
    """
    if start < 0 or (end is not None and end < start):
        raise ValueError(f"bytes {start} to {end} are no range: 0 <= start <= end")
    return range(min(start, size), size if end is None else min(end, size))


def _usable(name: str) -> bool:
    long = len(name) > NAME_BYTES or any(len(part) > SEGMENT_BYTES for part in name.split("/"))
    return not long and bool(_CHARACTERS.fullmatch(name))
