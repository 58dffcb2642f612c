"""What Celery is told: the broker is a doorbell, so losing it or its messages is harmless."""

from collections.abc import Mapping
from typing import Any

from darkroom.settings import Settings

SECONDS = 5
"""After which a broker that says nothing is away."""


def configuration(settings: Settings) -> Mapping[str, Any]:
    """Celery's settings for messages through Redis, or through RabbitMQ where its URL is given."""
    broker = settings.broker_url or settings.redis_url
    return {
        "broker_url": broker,
        "broker_connection_timeout": SECONDS,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_default_queue": "attempts",
        "task_ignore_result": True,
        "task_publish_retry": False,
        "worker_pool": "threads",
        "worker_concurrency": settings.worker_slots,
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        "worker_enable_remote_control": True,
        **(_REDIS if broker is None or broker.startswith("redis") else {}),
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
