"""The body of a webhook, in OpenAI's shape."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson


def message(event_id: str, kind: str, created_at: datetime, data: Mapping[str, Any]) -> bytes:
    """One event as JSON; the details of a batch are asked for by its id.

    https://platform.openai.com/docs/api-reference/webhook-events/batch/completed

    >>> message("evt_1", "batch.completed", datetime.fromisoformat("2026-01-01T00:00Z"), {"id": "b"})
    b'{"id":"evt_1","object":"event","created_at":1767225600,"type":"batch.completed","data":{"id":"b"}}'
    """
    return orjson.dumps(
        {
            "id": event_id,
            "object": "event",
            "created_at": int(created_at.timestamp()),
            "type": kind,
            "data": dict(data),
        }
    )
