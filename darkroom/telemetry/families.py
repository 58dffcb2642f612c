"""What is measured when it is asked for: named and explained once, here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Samples = Iterable[tuple[Sequence[str], float]]
"""The values of a metric, each with the values of its labels."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric that is read and not counted; `counts` where it never falls."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    counts: bool = False

    def family(self, samples: Samples) -> Metric:
        """The metric with these values."""
        kind = CounterMetricFamily if self.counts else GaugeMetricFamily
        family = kind(self.name, self.help, labels=self.labels)
        for labels, value in samples:
            family.add_metric(list(labels), value)
        return family


Reading = Mapping[Measure, Samples]


def families(reading: Reading) -> Iterator[Metric]:
    """The metrics of this reading, in its order."""
    for measure, samples in reading.items():
        yield measure.family(samples)


class _Once(Collector):
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterable[Metric]:
        return families(self._reading)


def exposition(reading: Reading) -> bytes:
    """This reading, as a monitor takes it."""
    registry = CollectorRegistry()
    registry.register(_Once(reading))
    return generate_latest(registry)


def alone(value: float) -> Samples:
    """The one value of a metric without labels.

    >>> list(alone(3))
    [((), 3)]
    """
    return [((), value)]
