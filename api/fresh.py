"""What must never have been there before: new ids and new secrets."""

import base64
import os
import secrets
import time
from uuid import UUID

from darkroom.domain.ids import uuid7

KEY_PREFIX = "dk_"
KEY_BYTES = 30
"""240 random bits, 40 characters of URL-safe base64."""


def fresh_id() -> UUID:
    """An id of this moment."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def fresh_key() -> str:
    """A new API key; whoever sees it is whom it stands for."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def fresh_signing_secret() -> bytes:
    """A new secret to sign links with."""
    return secrets.token_bytes(KEY_BYTES)


def fresh_webhook_secret() -> str:
    """A new secret to sign with, as Standard Webhooks writes one."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
