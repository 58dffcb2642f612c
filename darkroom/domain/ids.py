"""Identifiers: time-ordered UUIDs inside, prefixed words outside."""

import re
from uuid import UUID

BATCH = "batch_"
FILE = "file-"
JOB = "job_"
ATTEMPT = "att_"
IMAGE = "img_"
EVENT = "evt_"
WEBHOOK = "wh_"


def uuid7(unix_ms: int, randomness: bytes) -> UUID:
    """A version 7 UUID of this millisecond and these ten random bytes.

    https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7

    >>> uuid7(1_700_000_000_000, bytes(10))
    UUID('018bcfe5-6800-7000-8000-000000000000')
    """
    tail = int.from_bytes(randomness[:10], "big")
    high, low = tail >> 62 & 0xFFF, tail & (1 << 62) - 1
    return UUID(int=unix_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def shown(prefix: str, key: UUID | int) -> str:
    """The public form of a key.

    >>> shown(JOB, 12)
    'job_12'
    >>> shown(BATCH, UUID(int=255))
    'batch_000000000000000000000000000000ff'
    """
    return prefix + (key.hex if isinstance(key, UUID) else str(key))


def uuid_of(prefix: str, text: str) -> UUID | None:
    """The key behind a public id, or None if it cannot be one.

    >>> uuid_of(BATCH, "batch_000000000000000000000000000000ff")
    UUID('00000000-0000-0000-0000-0000000000ff')
    >>> uuid_of(BATCH, "nonsense") is None
    True
    """
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or not re.fullmatch("[0-9a-f]{32}", digits):
        return None
    return UUID(hex=digits)


def number_of(prefix: str, text: str) -> int | None:
    """The number behind a public id, or None if it cannot be one.

    >>> number_of(JOB, "job_12"), number_of(JOB, "job_1_2"), number_of(JOB, "job_-1")
    (12, None, None)
    """
    digits = text.removeprefix(prefix)
    fits = text.startswith(prefix) and re.fullmatch("[0-9]{1,18}", digits)
    return int(digits) if fits else None
