"""A worker's /metrics: what it has counted, and how it stands when it is asked."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from darkroom.limits import LimiterAway
from darkroom.store.session import pool_state
from darkroom.telemetry.families import Measure, Reading, Samples, alone, families
from worker.tools import Tools
from worker.upstream import Upstream

CLOCK_AGE = Measure(
    "darkroom_worker_last_clock_age_seconds",
    "Seconds since the clock of this worker last turned.",
)
SLOTS = Measure("darkroom_worker_slots", "Calls that this worker can have in flight.")
IN_HAND = Measure("darkroom_worker_attempts_in_hand", "Attempts that this worker is making.")
TICKETS = Measure("darkroom_worker_tickets_in_hand", "Jobs that were handed to it and not begun.")
DRAINING = Measure("darkroom_worker_draining", "1 while it takes nothing new.")
STUCK = Measure(
    "darkroom_worker_answers_held", "1 while an answer waits for the storage or the database."
)
CONNECTIONS = Measure(
    "darkroom_worker_database_connections",
    "Connections to the database: in use, idle, and the most there can be.",
    ("state",),
)
IN_FLIGHT = Measure(
    "darkroom_worker_limiter_in_flight",
    "Calls of all workers that the limiter counts as in flight.",
    ("provider",),
)
HEADROOM = Measure(
    "darkroom_worker_limiter_headroom",
    "Calls that may still be put in flight beside those, by all workers together.",
    ("provider",),
)
LIMITS = Measure(
    "darkroom_worker_limiter_per_minute",
    "What is admitted a minute, set or learned; `pace` is what we allow ourselves, in images.",
    ("provider", "family", "dimension"),
)
COOLING = Measure(
    "darkroom_worker_limiter_cooling_seconds",
    "How long a provider still wants a family of models to rest.",
    ("provider", "family"),
)
CIRCUIT = Measure(
    "darkroom_worker_limiter_circuit_open",
    "1 while a provider is in trouble and one call at a time tries.",
    ("provider",),
)


class Standing(Collector):
    """How a worker stands; asks the limiter, and says nothing of it where it is away."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def describe(self) -> Iterable[Metric]:
        """Nothing is measured before somebody asks."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """How it stands now."""
        yield from families(_own(self._tools))
        yield from families(_limiters(self._tools.upstreams.values()))


def _own(tools: Tools) -> Reading:
    holdings, pool = tools.holdings, pool_state(tools.engine)
    turned_at = holdings.turned_at
    return {
        CLOCK_AGE: [] if turned_at is None else alone(tools.stopwatch() - turned_at),
        SLOTS: alone(tools.slots),
        IN_HAND: alone(len(holdings.attempts())),
        TICKETS: alone(len(holdings.tickets())),
        DRAINING: alone(tools.draining.is_set()),
        STUCK: alone(holdings.is_stuck),
        CONNECTIONS: [
            (("in_use",), pool.in_use),
            (("idle",), pool.idle),
            (("most",), pool.most),
        ],
    }


def _limiters(upstreams: Iterable[Upstream]) -> Reading:
    samples: dict[Measure, list[tuple[tuple[str, ...], float]]] = {
        measure: [] for measure in (IN_FLIGHT, HEADROOM, LIMITS, COOLING, CIRCUIT)
    }
    for upstream in upstreams:
        for measure, found in _limiter(upstream).items():
            samples[measure] += [((upstream.name, *labels), value) for labels, value in found]
    return samples


def _limiter(upstream: Upstream) -> dict[Measure, Samples]:
    limiter = upstream.limiter
    try:
        known = limiter.known_of(upstream.models.families)
    except LimiterAway:
        return {}
    anyone = next(iter(known.values()))
    return {
        IN_FLIGHT: alone(anyone.in_flight),
        HEADROOM: alone(max(limiter.limits.in_flight - anyone.in_flight, 0)),
        LIMITS: [
            ((family, dimension), limit)
            for family, one in known.items()
            for dimension, limit in one.admitted(limiter.limits.of(family)).items()
        ],
        COOLING: [((family,), one.cooling.total_seconds()) for family, one in known.items()],
        CIRCUIT: alone(anyone.circuit is not None),
    }


@contextmanager
def served(tools: Tools, host: str, port: int) -> Iterator[None]:
    """Answers a monitor on this address while inside.

    Raises:
        OSError: the address is taken, or not ours.
    """
    tools.meter.registry.register(Standing(tools))
    server, thread = start_http_server(port, host, tools.meter.registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
