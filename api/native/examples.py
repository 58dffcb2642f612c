"""What requests and answers look like, for whoever reads the document."""

from typing import Any

Example = dict[str, Any]

BATCH_ID = "batch_019ab2c34d5e7f00a1b2c3d4e5f60718"
FILE_ID = "file-019ab2c34d5e7f00a1b2c3d4e5f60001"
KEY_ID = "key_019ab2c34d5e7f00a1b2c3d4e5f60002"
IMAGE_ID = "img_019ab2c34d5e7f00a1b2c3d4e5f60003-0"
NIGHT, MORNING = "2026-11-22T20:00:00Z", "2026-11-23T06:00:00Z"
REQUEST = {"prompt": "a lighthouse at dusk", "model": "gpt-image-2", "n": 1, "size": "1024x1024"}

SUBMISSION: Example = {
    "rows": [{"custom_id": "sku-1", "title": "a lighthouse"}],
    "template": "{{ title }} at dusk",
    "name": "lighthouses",
    "defaults": {"quality": "low", "size": "1024x1024"},
    "budget": "12.50",
}
FILE: Example = {
    "id": FILE_ID,
    "filename": "prompts.csv",
    "bytes": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "purpose": "batch",
    "created_at": NIGHT,
}
PROBLEM: Example = {
    "code": "size_not_multiple_of_16",
    "message": "give a width and a height that 16 divides, such as 1024x1024",
    "line": 17,
    "column": "size",
    "value": "1000x1000",
}
WAITING: Example = {
    "reason": "provider",
    "detail": "connection refused",
    "since": NIGHT,
    "until": "2026-11-22T20:01:00Z",
}
BATCH: Example = {
    "id": BATCH_ID,
    "provider": "default",
    "name": "lighthouses",
    "filename": "lighthouses.csv",
    "status": "in_progress",
    "paused_reason": None,
    "paused_detail": None,
    "paused_budget": None,
    "budget_needed": None,
    "counts": {
        "total": 800,
        "queued": 500,
        "dispatched": 4,
        "running": 26,
        "succeeded": 268,
        "failed": 2,
        "cancelled": 0,
        "expired": 0,
    },
    "unknown": 0,
    "images": 268,
    "mismatched": 0,
    "skipped": 1,
    "cost": {
        "spent": "1.589",
        "reserved": "0.27",
        "at_risk": "0",
        "cap": "12.5",
        "currency": "usd",
    },
    "images_per_minute": 52.0,
    "eta_seconds": 611.5,
    "waiting": [WAITING],
    "ended": False,
    "created_at": NIGHT,
    "in_progress_at": NIGHT,
    "ended_at": None,
    "deadline_at": MORNING,
    "window": "22:00-06:00",
    "timezone": "Europe/Berlin",
    "waits_until": None,
    "will_expire": 0,
    "priority": 0,
    "retry_of": None,
    "retries": [],
    "approved": 200,
    "rejected": 12,
    "promoted_from": None,
    "checks": {"looked": 268, "flagged": 3, "open": True},
    "problem_count": 1,
    "problems": [PROBLEM],
}
IMAGE: Example = {
    "id": IMAGE_ID,
    "sha256": FILE["sha256"],
    "bytes": 1_483_201,
    "format": "png",
    "width": 1024,
    "quality": "low",
    "height": 1024,
    "disposition": "published",
    "url": f"/api/v1/images/{IMAGE_ID}",
    "expired_at": None,
}
REVIEW: Example = {
    "batch_id": BATCH_ID,
    "approved": 200,
    "rejected": 12,
    "undecided": 56,
    "changed": 12,
    "recalled": 0,
}
OFFER: Example = {
    "calls": 200,
    "images": 200,
    "low": "42.14",
    "high": "42.14",
    "bound": "44.3",
    "currency": "usd",
    "seconds": 240.0,
    "problems": [],
    "more_problems": 0,
}
JOB: Example = {
    "id": "job_17",
    "batch_id": BATCH_ID,
    "line": 18,
    "custom_id": "sku-17",
    "state": "succeeded",
    "request": REQUEST,
    "attempts": 1,
    "due_at": NIGHT,
    "ended_at": NIGHT,
    "failure": None,
    "cost": "0.00593",
    "request_id": "req_7f3a",
    "images": [IMAGE],
    "verdict": "approved",
    "checks": [],
}
ATTEMPT: Example = {
    "id": "att_019ab2c34d5e7f00a1b2c3d4e5f60003",
    "number": 1,
    "state": "succeeded",
    "worker": "host:4711:a1b2c3",
    "provider": "default",
    "begun_at": NIGHT,
    "ended_at": NIGHT,
    "reserved": "0.0104",
    "cost": "0.00593",
    "usage": {"text_tokens": 10, "output_tokens": 196},
    "request_id": "req_7f3a",
    "latency_ms": 12_840,
    "failure": None,
    "verdict": None,
    "raw_answer": None,
}
INVOICE: Example = {
    "lines": [
        {"custom_id": "sku-17", "outcome": "billed", "cost": "0.00593"},
        {"request_id": "req_7f3a", "outcome": "unbilled"},
    ]
}
SETTLEMENT: Example = {
    "id": "stl_17",
    "created_at": MORNING,
    "key": KEY_ID,
    "key_name": "accounts",
    "batch": BATCH_ID,
    "attempt": "att_019ab2c34d5e7f00a1b2c3d4e5f60003",
    "custom_id": "sku-17",
    "outcome": "billed",
    "at_risk": "0.0104",
    "cost": "0.00593",
    "state": "unknown",
}
PROVIDER: Example = {
    "name": "default",
    "state": "ready",
    "paused_reason": None,
    "since": None,
    "limiter": {
        "in_flight": 28,
        "most_in_flight": 30,
        "trouble": False,
        "next_try_seconds": None,
        "families": [
            {
                "family": "gpt-image",
                "per_minute": {"images": 250, "pace": 237.5},
                "learned": {"images": 250},
                "cooling_seconds": 0,
            }
        ],
    },
}
KEY: Example = {
    "id": KEY_ID,
    "project": "default",
    "name": "the shop's importer",
    "prefix": "dk_Zk3vQ9x",
    "scopes": ["read", "submit"],
    "created_at": NIGHT,
    "expires_at": None,
    "former_until": None,
    "last_used_at": None,
    "revoked_at": None,
}
_MONEY: Example = {
    "spent": "1.767",
    "reserved": "0.27",
    "at_risk": "0",
    "cap": "50",
    "currency": "usd",
}
PROJECT: Example = {
    "id": "shop",
    "providers": ["relay", "default"],
    "time_zone": "Europe/Berlin",
    "today": _MONEY,
    "total": {**_MONEY, "cap": None},
}
IMAGE_LINK: Example = {
    "url": "/api/v1/images/img_019ab2c34d5e7f00a1b2c3d4e5f60003-0?expires=1795471200&signature=Zk3v…",
    "thumbnail_url": "/api/v1/images/img_019ab2c34d5e7f00a1b2c3d4e5f60003-0/thumbnail?expires=…",
    "expires_at": MORNING,
}


ESTIMATE: Example = {
    "rows": 300,
    "bad_rows": 0,
    "images": 300,
    "low": "1.767",
    "high": "1.767",
    "bound": "3.12",
    "monthly": {"days": 30, "low": "53.01", "high": "53.01"},
    "currency": "usd",
    "seconds": 300.0,
    "bytes": 450_000_000,
    "problems": [],
    "more_problems": 0,
    "notices": ["gpt-image-1.5 will be shut down on 2026-12-01; use gpt-image-2.6-sunburst"],
    "prices": None,
}
DRY_RUN: Example = {
    **ESTIMATE,
    "provider": "default",
    "accepted": True,
    "within_budget": True,
    "sample": [{"line": 1, "custom_id": "sku-1", "request": REQUEST}],
}
USAGE: Example = {
    "group_by": "day",
    "since": NIGHT,
    "until": MORNING,
    "currency": "usd",
    "data": [
        {"key": "2026-11-22", "name": None, "attempts": 301, "spent": "1.767", "at_risk": "0"}
    ],
    "has_more": False,
    "next": None,
}


def shows(example: Example) -> Example:
    """What a model says of its example in the document."""
    return {"examples": [example]}


def paged(example: Example) -> Example:
    """A page of one."""
    return shows({"data": [example], "has_more": False, "next": None})
