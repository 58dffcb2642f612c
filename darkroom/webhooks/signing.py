"""Signatures as Standard Webhooks has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
from collections.abc import Mapping

SECRET = "whsec_"  # noqa: S105 - what every secret begins with


def signed(secret: str, event_id: str, unix_seconds: int, body: bytes) -> Mapping[str, str]:
    """The headers by which whoever holds the secret knows that we said this, and when.

    The id is the event's, the same however often it is sent: by it a receiver knows a repeat.

    >>> signed("whsec_c2VjcmV0", "evt_1", 1_700_000_000, b"{}")["webhook-signature"]
    'v1,gcuLUJYfD9JQ2UlZMDEyUnqjiYF/KVJjsn3HLULsCj4='
    """
    key = base64.b64decode(secret.removeprefix(SECRET))
    said = b"%b.%d.%b" % (event_id.encode(), unix_seconds, body)
    digest = hmac.digest(key, said, "sha256")
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(unix_seconds),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
