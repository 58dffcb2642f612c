"""What Celery is told: the broker is a doorbell, so losing it or its messages is harmless."""

from collections.abc import Mapping
from typing import Any

SECONDS = 5
"""After which a broker that says nothing is away."""


def configuration(url: str | None, slots: int) -> Mapping[str, Any]:
    """Celery's settings for messages through this Redis or RabbitMQ to a worker with so many threads."""
    return {
        "broker_url": url,
        "broker_connection_timeout": SECONDS,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_default_queue": "attempts",
        "task_ignore_result": True,
        "task_publish_retry": False,
        "worker_pool": "threads",
        "worker_concurrency": slots,
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        "worker_enable_remote_control": True,
        **(_REDIS if url is None or url.startswith("redis") else {}),
    }


_REDIS: Mapping[str, Any] = {
    "worker_disable_prefetch": True,
    "broker_transport_options": {
        "global_keyprefix": "darkroom:",
        "socket_timeout": SECONDS,
        "socket_connect_timeout": SECONDS,
        "health_check_interval": SECONDS,
        "visibility_timeout": 3600,
    },
}
