"""What a worker process counts, for a monitor that asks it: a registry of its own, no label without a bound."""

from collections.abc import Sequence
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

NO_FAILURE = "none"
"""The class of failure of an attempt that had none."""

_PREFIX = "darkroom_worker_"

_CALL_SECONDS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
_DUTY_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60)


class Meter:
    """Counters from the start of the process; `registry` is where they are read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._count_calls()
        self._count_permits()
        self._count_duties()

    def _count_calls(self) -> None:
        self._attempts = self._counter(
            "attempts",
            "Attempts that this worker ended, by outcome and class of failure.",
            *("provider", "outcome", "failure"),
        )
        self._calls = self._histogram(
            "call_seconds", "How long calls took that were answered.", _CALL_SECONDS, "provider"
        )
        self._images = self._counter(
            "images", "Images that this worker's attempts brought.", "provider"
        )
        self._spend = self._counter(
            "spend_dollars", "What this worker's attempts were billed.", "provider"
        )
        self._rate_limited = self._counter("rate_limited", "Answers with status 429.", "provider")

    def _count_permits(self) -> None:
        self._waits = self._histogram(
            "permit_wait_seconds",
            "How long jobs waited for leave to call, whether they got it or not.",
            _WAIT_SECONDS,
            "provider",
        )
        self._denials = self._counter(
            "permits_denied",
            "Jobs that went back to the queue for a limit, by what held them up.",
            *("provider", "dimension"),
        )

    def _count_duties(self) -> None:
        self._lapsed = self._counter(
            "tickets_lapsed", "Tickets that ran out and were taken back by this worker."
        )
        self._lost = self._counter(
            "leases_expired", "Leases that ran out and whose attempts this worker reaped."
        )
        self._duties = self._histogram(
            "duty_seconds",
            "How long the worker's duties beside its calls took.",
            _DUTY_SECONDS,
            "duty",
        )
        self._troubles = self._counter(
            "duty_failures", "Duties that failed and were put off.", "duty"
        )
        self._lag = self._histogram(
            "clock_lag_seconds",
            "How long after its time each chore of the clock was begun.",
            _DUTY_SECONDS,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, bounds: Sequence[float], *labels: str) -> Histogram:
        return Histogram(_PREFIX + name, text, labels, buckets=bounds, registry=self.registry)

    def attempt(
        self, provider: str, outcome: str, failure: str | None, latency_ms: int | None
    ) -> None:
        """An attempt has ended."""
        self._attempts.labels(provider, outcome, failure or NO_FAILURE).inc()
        if latency_ms is not None:
            self._calls.labels(provider).observe(latency_ms / 1000)

    def bought(self, provider: str, images: int, cost: Decimal) -> None:
        """An answer has brought images, and a bill."""
        self._images.labels(provider).inc(images)
        self._spend.labels(provider).inc(float(cost))

    def rate_limited(self, provider: str) -> None:
        """The provider has said that calls come too fast."""
        self._rate_limited.labels(provider).inc()

    def permit(self, provider: str, waited: float, denied: str | None) -> None:
        """The limiter has answered after so many seconds; `denied` is the dimension that held it up."""
        self._waits.labels(provider).observe(waited)
        if denied is not None:
            self._denials.labels(provider, denied).inc()

    def reaped(self, tickets: int, leases: int) -> None:
        """So much was moved on that somebody had left."""
        self._lapsed.inc(tickets)
        self._lost.inc(leases)

    def duty(self, name: str, seconds: float, *, failed: bool) -> None:
        """A duty was done, or not."""
        self._duties.labels(name).observe(seconds)
        if failed:
            self._troubles.labels(name).inc()

    def begun(self, late: float) -> None:
        """The clock has begun a chore, so many seconds after it was due."""
        self._lag.observe(late)
