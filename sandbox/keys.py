"""Who calls: the bearer key, and the little of it that is ever written down."""

import hashlib
import secrets

from pydantic import SecretStr
from starlette.requests import Request

from sandbox.errors import ApiError
from sandbox.faults import wrong_key

_FINGERPRINT = 12


def check_key(request: Request, expected: SecretStr | None) -> str:
    """The fingerprint of the caller's key: the first hex digits of its SHA-256.

    Raises:
        ApiError: 401, if there is no key or it is not the expected one.
    """
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    key = rest.strip().encode()
    if scheme.lower() != "bearer" or not key:
        raise ApiError(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization "
            "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
    if expected is not None:
        _compare(key, expected.get_secret_value().encode())
    return hashlib.sha256(key).hexdigest()[:_FINGERPRINT]


def _compare(key: bytes, expected: bytes) -> None:
    if not secrets.compare_digest(key, expected):
        raise wrong_key()
