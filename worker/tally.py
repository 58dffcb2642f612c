"""What an attempt's end adds to the meter of its worker."""

from http import HTTPStatus

from darkroom.domain.attempt import Failed, NotSent, Outcome, Succeeded, failure_of
from darkroom.store.ledger import cost_of, state_of
from darkroom.telemetry.meter import Meter

LATE = "late"
"""The outcome of an attempt that was counted as unknown before it was known."""


def tally(meter: Meter, provider: str, outcome: Outcome, *, late: bool = False) -> None:
    """Counts it under its outcome, with its time, its images and its bill."""
    failure = failure_of(outcome)
    latency = None if isinstance(outcome, NotSent) else outcome.latency_ms
    word = LATE if late else state_of(outcome).value
    meter.attempt(provider, word, failure.klass.value if failure else None, latency)
    if isinstance(outcome, Succeeded | Failed):
        images = len(outcome.images) if isinstance(outcome, Succeeded) else 0
        meter.bought(provider, images, cost_of(outcome))
    if failure and failure.http_status == HTTPStatus.TOO_MANY_REQUESTS:
        meter.rate_limited(provider)
