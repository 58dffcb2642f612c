"""Signed links: whoever holds one may read one thing until it expires, and nothing else.

The secret lies in the database, beside what it lets people read: whoever can read it there needs no
link. So every process signs with the same, and no operator has a setting to lose.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

import pybase64

from api.fresh import fresh_signing_secret
from darkroom.store import signing
from darkroom.store.session import Connection

NAME = "links"
EXPIRES, SIGNATURE = "expires", "signature"
"""The parameters of a link."""


@dataclass(slots=True)
class Signatures:
    """Signs paths and looks at signatures; the secret is read once."""

    _secret: bytes = field(default=b"", repr=False)

    def link(self, connection: Connection, path: str, until: datetime) -> str:
        """The path with a signature that is good until then."""
        expires = str(int(until.timestamp()))
        return f"{path}?{EXPIRES}={expires}&{SIGNATURE}={self._sign(connection, path, expires)}"

    def is_ours(self, connection: Connection, path: str, expires: str, signature: str) -> bool:
        """Whether we signed this path with this end; compared in constant time."""
        own = self._sign(connection, path, expires).encode()
        return hmac.compare_digest(own, signature.encode("utf-8", "surrogateescape"))

    def _sign(self, connection: Connection, path: str, expires: str) -> str:
        if not self._secret:
            self._secret = signing.secret(connection, NAME, fresh_signing_secret())
        signed = f"{path}\n{expires}".encode("utf-8", "surrogateescape")
        digest = hmac.digest(self._secret, signed, hashlib.sha256)
        return pybase64.urlsafe_b64encode(digest).rstrip(b"=").decode()
