"""What is announced outside, and how long it is tried to get an announcement through."""

from datetime import timedelta
from enum import StrEnum


class EventType(StrEnum):
    """What can happen that somebody outside may want to hear of; OpenAI's words where it has one.

    https://platform.openai.com/docs/api-reference/webhook-events
    """

    BATCH_COMPLETED = "batch.completed"
    BATCH_FAILED = "batch.failed"
    """Its file was refused; nothing was spent."""
    BATCH_EXPIRED = "batch.expired"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_PAUSED = "batch.paused"
    """It makes no new call until a person acts; `data.reason` says why."""
    PROVIDER_KEY_PAUSED = "provider.key_paused"
    """A provider refuses its key, quota or access; `data.provider` names it."""
    BUDGET_THRESHOLD = "budget.threshold"
    """So many percent of a batch's or a project's budget are spent or at risk."""
    WEBHOOK_DISABLED = "webhook.disabled"
    """Another endpoint of the project is told nothing more; `data.reason` says why."""
    REPORT_READY = "report.ready"
    """A catalog's night is over; `data.catalog` and `data.version` say whose report can be read."""
    NIGHT_SKIPPED = "night.skipped"
    """A catalog's night was due and did not begin; `data.reason` says why."""


class DeliveryState(StrEnum):
    """How it stands with telling one endpoint of one event."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up after a day, or refused for good."""


BACKOFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
)
"""What is waited after each try that failed: nearly a day in all."""

LONGEST_WAIT = max(BACKOFF)


def next_try(tries: int, asked: timedelta | None = None, draw: float = 0.0) -> timedelta | None:
    """How long to wait after so many tries that failed; None when it is time to give up.

    An endpoint may ask for longer, in reason. Up to a tenth is added, by a random number in [0, 1), so that
    what failed together does not come back as one herd.

    >>> next_try(1), next_try(11)
    (datetime.timedelta(seconds=5), None)
    >>> next_try(1, timedelta(minutes=1)), next_try(1, timedelta(days=9)) == LONGEST_WAIT
    (datetime.timedelta(seconds=60), True)
    >>> next_try(2, draw=0.5), next_try(1, timedelta(minutes=1), draw=0.5)
    (datetime.timedelta(seconds=31, microseconds=500000), datetime.timedelta(seconds=63))
    >>> sum(BACKOFF, timedelta()) > timedelta(hours=23)
    True
    """
    if tries > len(BACKOFF):
        return None
    return max(BACKOFF[tries - 1], min(asked or timedelta(), LONGEST_WAIT)) * (1 + draw / 10)
