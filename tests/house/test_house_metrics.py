"""Whoever names a metric names one that is exposed, and every one that is exposed is explained."""

import json
import re
from collections.abc import Iterable

import pytest
from monitor import MONITORING, rules
from world import ROOT

import api.metrics
import worker.metrics
from darkroom.telemetry.families import Measure
from darkroom.telemetry.meter import Meter

PAGE = (ROOT / "docs" / "telemetry.md").read_text("utf-8")
BOUNDED = {
    "dependency", "state", "status", "reason", "outcome", "provider", "family", "dimension", "failure",
    "duty",
}  # fmt: skip
"""Labels whose values are closed sets, or names that the operator configured."""


def measures() -> list[Measure]:
    rooms = (api.metrics, worker.metrics)
    return [one for room in rooms for one in vars(room).values() if isinstance(one, Measure)]


def explained() -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Every metric of ours: its type, its help and its labels, by the name that is queried."""
    found = {}
    for one in measures():
        name, kind = (f"{one.name}_total", "counter") if one.counts else (one.name, "gauge")
        found[name] = (kind, one.help, one.labels)
    for counter in Meter().registry._collector_to_names:
        if hasattr(counter, "_labelnames"):
            name = f"{counter._name}_total" if counter._type == "counter" else counter._name
            found[name] = (counter._type, counter._documentation, counter._labelnames)
    return found


def queried() -> set[str]:
    """What a query may name."""
    parts = ("_bucket", "_sum", "_count")
    return {
        name + part
        for name, (kind, _, _) in explained().items()
        for part in (parts if kind == "histogram" else ("",))
    }


def named(expressions: Iterable[str]) -> set[str]:
    return {name for text in expressions for name in re.findall(r"\bdarkroom_\w+", text)}


def drawn() -> list[str]:
    panels = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


@pytest.mark.parametrize("expressions", [rules().values(), drawn()], ids=["alerts", "dashboard"])
def test_what_is_asked_for_is_exposed(expressions):
    assert named(expressions)
    assert not named(expressions) - queried()


def test_the_page_explains_every_metric_as_the_code_does():
    rows = re.findall(r"^\| `(darkroom_\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    told = {name: (kind, text, labels) for name, kind, labels, text in rows}
    assert told == {
        name: (kind, text, ", ".join(f"`{label}`" for label in labels))
        for name, (kind, text, labels) in explained().items()
    }


def test_no_label_grows_without_a_bound():
    assert {label for _, _, labels in explained().values() for label in labels} <= BOUNDED


def test_the_page_names_every_alert():
    assert set(re.findall(r"^\| `(Darkroom\w+)` \|", PAGE, re.MULTILINE)) == rules().keys()
