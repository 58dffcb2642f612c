"""A monitor in the test's own process: reads what the API and a worker expose, and judges rules by it."""

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from world import ROOT

from api.instruments import Instruments
from api.metrics import reading
from darkroom.local.ports import answers
from darkroom.telemetry.families import exposition
from worker.metrics import Standing
from worker.tools import Tools

MONITORING = ROOT / "docs" / "monitoring"
COMPARISONS = {">": operator.gt, "<": operator.lt, "==": operator.eq}
NUMBER = r"[0-9.]+(?:e[0-9]+)?"
_TERM = re.compile(
    r"(?:(?P<factor>[0-9]+) \* )?(?:(?P<call>[a-z_]+(?: without \(instance\))?) ?\()?"
    r"(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})?(?:\[\w+\])?\)? (?P<op>>|<|==) "
    rf"(?P<bound>{NUMBER})"
)
_LABEL = re.compile(r'(\w+)(=~|=)"([^"]*)"')

Values = Mapping[str, list[tuple[Mapping[str, str], float]]]


def rules() -> dict[str, str]:
    """The expression of each alert."""
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def parsed(text: str) -> Values:
    values: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values.setdefault(sample.name, []).append((sample.labels, sample.value))
    return values


@dataclass(slots=True)
class Monitor:
    """Judges an alert by what is exposed now; what a rule asks of a span of time is taken to last so long.

    Of `targets`, addresses by job, it says itself whether they answer, as Prometheus does.
    """

    instruments: Instruments
    tools: Tools | None = None
    targets: Mapping[str, str] = field(default_factory=dict)
    before: Values = field(default_factory=dict)

    def scrape(self) -> Values:
        text = exposition(reading(self.instruments)).decode()
        if self.tools:
            standing, registry = Standing(self.tools), self.tools.meter.registry
            registry.register(standing)
            text += generate_latest(registry).decode()
            registry.unregister(standing)
        up = (f'up{{job="{job}"}} {answers(url):d}\n' for job, url in self.targets.items())
        return parsed(text + "".join(up))

    def firing(self) -> set[str]:
        """The alerts whose condition holds."""
        now = self.scrape()
        found = {name for name, expr in rules().items() if self._holds(expr, now)}
        self.before = now
        return found

    def _holds(self, expr: str, now: Values) -> bool:
        return any(
            all(self._term(term, now) for term in one.split(" and ")) for one in expr.split(" or ")
        )

    def _term(self, text: str, now: Values) -> bool:
        term = _TERM.fullmatch(text.strip())
        assert term, f"the tests cannot judge {text!r}"
        compare = COMPARISONS[term["op"]]
        values = self._values(term, now)
        return any(
            compare(float(term["factor"] or 1) * value, float(term["bound"])) for value in values
        )

    def _values(self, term: re.Match[str], now: Values) -> list[float]:
        values = _selected(now, term["name"], term["labels"])
        match (term["call"] or "").split(" ")[0]:
            case "increase":
                earlier = _selected(self.before, term["name"], term["labels"])
                return [b - a for a, b in zip(earlier, values, strict=False)]
            case "" | "max" | "min" | "avg_over_time":
                return values
            case unheard:
                raise AssertionError(f"the tests cannot judge {unheard}()")


def _selected(values: Values, name: str, labels: str | None) -> list[float]:
    wanted = _LABEL.findall(labels or "")
    return [
        value
        for found, value in values.get(name, ())
        if all(re.fullmatch(text, found.get(label, "")) for label, _, text in wanted)
    ]
