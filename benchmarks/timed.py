"""The worker with a stopwatch: its tools and its verbs are wrapped, its code is not.

celery -A benchmarks.timed worker
"""

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from celery import Celery, signals

from darkroom.settings import Settings
from worker import evidence, receipts, settlement
from worker.app import build_tools, create_app
from worker.tools import Tools
from worker.upstream import Upstream

LAPS = "BENCHMARK_LAPS"
"""The variable that names the file of laps, one JSON line an attempt."""

STEPS = ("ticket", "permit", "begin", "call", "receipt", "judge", "settle", "release")

Act = TypeVar("Act", bound=Callable[..., Any])


class Laps(threading.local):
    """How long each step of this thread's attempt took: from the end of the one before to its own."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] += now - self._last
        self._last = now


LAP = Laps()


def timed(act: Act, *, before: str | None = None, after: str) -> Act:
    """The act, ending a lap where it ends, and another where it begins."""

    def acted(*arguments: Any, **options: Any) -> Any:
        if before and before not in LAP.seconds:
            LAP.lap(before)
        try:
            return act(*arguments, **options)
        finally:
            LAP.lap(after)

    return cast("Act", acted)


class Wrapped:
    """Something with one of its methods timed."""

    def __init__(self, inner: object, name: str, *, before: str, after: str) -> None:
        self._inner = inner
        setattr(self, name, timed(getattr(inner, name), before=before, after=after))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def build(settings: Settings, app: Celery) -> Tools:
    """The tools, their limiter and their clients timed."""
    tools = build_tools(settings, app)
    return replace(tools, upstreams={name: _timed(one) for name, one in tools.upstreams.items()})


def _timed(upstream: Upstream) -> Upstream:
    limiter: Any = Wrapped(upstream.limiter, "acquire", before="ticket", after="permit")

    def make_client() -> Any:
        return Wrapped(upstream.make_client(), "call", before="begin", after="call")

    return replace(upstream, limiter=limiter, make_client=make_client)


@cache
def _app() -> Celery:
    file = Path(os.environ[LAPS])

    def begin(**_: object) -> None:
        LAP.begin()

    def end(**_: object) -> None:
        LAP.lap("release")
        with file.open("a") as lines:
            lines.write(json.dumps(LAP.seconds) + "\n")

    signals.task_prerun.connect(begin, weak=False)
    signals.task_postrun.connect(end, weak=False)
    receipts.keep = timed(receipts.keep, after="receipt")
    evidence.judge = timed(evidence.judge, after="judge")
    settlement.settle = timed(settlement.settle, after="settle")
    return create_app(Settings(), build)


def __getattr__(name: str) -> Celery:
    if name == "app":
        return _app()
    raise AttributeError(name)
