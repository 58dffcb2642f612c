"""Which fault a call meets, how long it takes and what it waits for: by its prompt or by settings."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.errors import ApiError
from sandbox.faults import FAULTS, HEALTHY, Fault
from sandbox.settings import FaultRule, Settings

_MARKER = re.compile(r"\[\[(fault|latency|hold):([^\[\]]+)\]\]")
_FAULT = re.compile(r"(?P<name>\w+)(?:=(?P<value>[\d.]+))?(?:\*(?P<times>\d+))?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A fault for one call, with its value."""

    name: str | None = None
    value: float | None = None

    @property
    def fault(self) -> Fault:
        """What it does."""
        return HEALTHY if self.name is None else FAULTS[self.name]


@dataclass(frozen=True, slots=True)
class Wish:
    """A fault that a prompt asks for, all its calls or the first few."""

    name: str
    value: float | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Markers:
    """What a prompt asks of the sandbox."""

    wishes: tuple[Wish, ...] = ()
    latency: float | None = None
    hold: str | None = None


def read_markers(prompt: str) -> Markers:
    """The markers in a prompt; of several latencies or holds the last one counts.

    >>> read_markers("a fox [[fault:rate_limit=30*2]] [[latency:2.5]] [[hold:gate]]")
    Markers(wishes=(Wish(name='rate_limit', value=30.0, times=2),), latency=2.5, hold='gate')

    Raises:
        ApiError: 400 `sandbox_marker`, if one cannot be understood.
    """
    found = _MARKER.findall(prompt)
    latencies = [_number(text) for kind, text in found if kind == "latency"]
    holds = [text for kind, text in found if kind == "hold"]
    return Markers(
        tuple(_wish(text) for kind, text in found if kind == "fault"),
        latencies[-1] if latencies else None,
        holds[-1] if holds else None,
    )


class Plan:
    """Owns the dice and the script that the settings name; it begins anew with each of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calls = 0
        self._fault_dice = random.Random(settings.seed)  # noqa: S311 - repeatable on purpose
        self._latency_dice = random.Random(settings.seed)  # noqa: S311 - repeatable on purpose

    def choose(self, markers: Markers, times_met: Callable[[str], int]) -> Chosen:
        """The fault of the next call: the prompt's wishes first, then script and dice."""
        self._calls += 1
        drawn = list(self._drawn())
        for wish in markers.wishes:
            if wish.times is None or times_met(wish.name) < wish.times:
                return Chosen(wish.name, wish.value)
        return drawn[0] if drawn else Chosen()

    def latency(self, markers: Markers, quality: str) -> float:
        """Seconds that the next call takes."""
        if markers.latency is not None:
            return markers.latency
        span = self._settings.latency
        if isinstance(span, dict):
            span = span.get(quality, 0.0)
        return self._latency_dice.uniform(*span) if isinstance(span, tuple) else span

    def _drawn(self) -> Iterator[Chosen]:
        for rule in self._settings.faults:
            # The dice are thrown for every rule, so that a call's luck hangs on its number alone.
            if self._hits(rule, self._fault_dice.random()):
                yield Chosen(rule.fault, rule.value)

    def _hits(self, rule: FaultRule, thrown: float) -> bool:
        return self._calls in rule.calls or thrown < rule.probability


def _wish(text: str) -> Wish:
    matched = _FAULT.fullmatch(text)
    if matched is None or matched["name"] not in FAULTS:
        raise _unclear(text, f"known faults are {', '.join(sorted(FAULTS))}")
    value, times = matched["value"], matched["times"]
    return Wish(
        matched["name"],
        None if value is None else _number(value),
        None if times is None else int(times),
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise _unclear(text, "expected a number") from error


def _unclear(text: str, hint: str) -> ApiError:
    message = f"The sandbox does not understand the marker '{text}': {hint}."
    return ApiError(400, message, param="prompt", code="sandbox_marker")
