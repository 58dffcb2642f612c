"""What a provider answered, as it came, and the receipt that keeps it."""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self
from uuid import UUID

KEPT = timedelta(days=7)
"""How long a raw answer stays for a person to look at."""

RECEIPTS = "receipts/"

_PREFIX = 4
_VERSION = 1


def receipt_name(attempt_id: UUID) -> str:
    """Where an attempt's answer is kept.

    >>> receipt_name(UUID(int=255))
    'receipts/000000000000000000000000000000ff'
    """
    return RECEIPTS + attempt_id.hex


def attempt_of(name: str) -> UUID:
    """Whose answer is kept there.

    >>> attempt_of("receipts/000000000000000000000000000000ff").int
    255
    """
    return UUID(name.removeprefix(RECEIPTS))


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer: `headers` are lower-case and only the useful ones, `body` is untouched."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    latency_ms: int

    @property
    def request_id(self) -> str | None:
        """The name under which the provider knows this call."""
        return self.headers.get("x-request-id")

    def receipt(self) -> Iterator[bytes]:
        """The answer in a form that can be kept: a small head with its length before it, then the body itself.

        >>> answer = Answer(200, {"x-request-id": "req_1"}, b"{}", 1200)
        >>> Answer.from_receipt(b"".join(answer.receipt())) == answer
        True
        """
        head = {
            "version": _VERSION,
            "status": self.status,
            "headers": dict(self.headers),
            "latency_ms": self.latency_ms,
            "bytes": len(self.body),
            "crc32": zlib.crc32(self.body),
        }
        text = json.dumps(head, separators=(",", ":")).encode()
        yield len(text).to_bytes(_PREFIX, "big") + text
        yield self.body

    @classmethod
    def from_receipt(cls, data: bytes) -> Self:
        """The answer that was kept.

        Raises:
            ValueError: it is damaged.
        """
        end = _PREFIX + int.from_bytes(data[:_PREFIX], "big")
        head, body = json.loads(data[_PREFIX:end]), data[end:]
        match head:
            case {
                "version": 1,
                "status": int(status),
                "headers": dict(headers),
                "latency_ms": int(latency_ms),
                "bytes": int(size),
                "crc32": int(checksum),
            } if size == len(body) and checksum == zlib.crc32(body):
                return cls(status, headers, body, latency_ms)
            case _:
                raise ValueError(
                    "the receipt is damaged: its body is not the one it was written for"
                )
