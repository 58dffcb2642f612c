"""Whatever is asked, given back, heard and forgotten, in whatever order: no window holds more than its share."""

from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from darkroom.domain.limit import Dimension, Heard, Limits, PerMinute, Sign
from darkroom.limits import Admitted, Limiter, Load, Memory
from darkroom.limits.limiter import PERMIT_LIFE

GRAIN = 0.002
"""Seconds: the server's clock counts milliseconds, and a wait is rounded up to one."""

PER_MINUTE = {"requests": 60, "images": 90, "tokens": 6_000}
IN_FLIGHT = 6
FAMILY = "gpt-image"
FAMILIES = (FAMILY, "house-style")
LOADS = [
    Load(family, images=images, tokens=tokens)
    for family in FAMILIES
    for images, tokens in ((1, 20), (1, 20), (4, 150), (9, 400))
]
LATEST = st.integers(1, 6)


class Night(RuleBasedStateMachine):
    """One key, many workers; time passes by rewriting what the server holds."""

    def __init__(self, redis, server) -> None:
        super().__init__()
        self._redis, self._server = redis, server
        self._passed = 0.0
        self._out: dict[str, tuple[float, Load]] = {}
        """When each call goes out that was let out and not taken back, on a clock of our own."""
        self._alive: dict[str, float] = {}
        self._permits: list[str] = []

    @initialize()
    def open(self) -> None:
        self._redis.flushall()
        self._limiter = Limiter(
            self._redis, "test", Limits(in_flight=IN_FLIGHT, usual=PerMinute(**PER_MINUTE)), Memory
        )
        self._limiter._seed(FAMILY)

    def _now(self) -> float:
        seconds, micros = self._redis.time()
        return seconds + micros / 1e6 + self._passed

    @rule(
        load=st.sampled_from(LOADS),
        longest=st.sampled_from([0.0, 2.0, 2.0, 10.0]),
    )
    def acquire(self, load: Load, longest: float) -> None:
        permit = uuid4().hex
        leave = self._limiter.acquire(permit, load, timedelta(seconds=longest))
        if not isinstance(leave, Admitted):
            return
        self._permits.append(permit)
        runs_out = self._redis.zscore(self._server.flight, permit) / 1000 + self._passed
        self._out[permit] = (runs_out - PERMIT_LIFE.total_seconds(), load)
        self._alive[permit] = runs_out

    def _permit(self, which: int) -> str:
        """One of the latest; which one Hypothesis draws must not hang on the time that passes meanwhile."""
        return self._permits[-which] if which <= len(self._permits) else "unheard of"

    @rule(which=LATEST)
    def refund(self, which: int) -> None:
        permit = self._permit(which)
        if permit in self._alive:
            _, load = self._out.pop(permit)
            self._limiter.refund(permit, load)
            del self._alive[permit]

    @rule(which=LATEST)
    def release(self, which: int) -> None:
        permit = self._permit(which)
        self._limiter.release(permit)
        self._alive.pop(permit, None)

    @rule(which=LATEST)
    def renew(self, which: int) -> None:
        """In time: one that ran out would come back beside those that took its place."""
        permit = self._permit(which)
        if self._alive.get(permit, 0) > self._now() + GRAIN:
            self._limiter.renew([permit])
            self._alive[permit] = self._now() + PERMIT_LIFE.total_seconds()

    @rule(
        which=LATEST,
        sign=st.sampled_from([Sign.FINE, Sign.FINE, Sign.FINE, Sign.REFUSED, Sign.TROUBLE]),
        limit=st.sampled_from([None, 45, 200]),
    )
    def hear(self, which: int, sign: Sign, limit: int | None) -> None:
        permit = self._permit(which)
        limits = {} if limit is None else {Dimension.IMAGES: limit}
        _, load = self._out.get(permit, (0.0, LOADS[0]))
        self._limiter.hear(permit, load.family, Heard(sign, timedelta(seconds=1), limits=limits))
        self._alive.pop(permit, None)

    @rule(seconds=st.sampled_from([0.05, 0.4, 1.0, 3.0, 20.0]))
    def pass_time(self, seconds: float) -> None:
        self._server.pass_time(seconds)
        self._passed += seconds

    @invariant()
    def no_window_holds_more_than_its_share(self) -> None:
        for family, (dimension, per_minute) in product(FAMILIES, PER_MINUTE.items()):
            calls = sorted(
                (goes, getattr(load, dimension))
                for goes, load in self._out.values()
                if load.family == family
            )
            _within(calls, per_minute / 60)

    @invariant()
    def no_more_in_flight_than_allowed(self) -> None:
        now = self._now()
        assert sum(until > now for until in self._alive.values()) <= IN_FLIGHT


def _within(calls: list[tuple[float, int]], rate: float) -> None:
    """Between any two calls no more than comes in meanwhile, and half a second's worth or one call at once."""
    for first in range(len(calls)):
        for last in range(first, len(calls)):
            chosen = [cost for _, cost in calls[first : last + 1]]
            span = calls[last][0] - calls[first][0] + GRAIN * len(chosen)
            assert sum(chosen) <= rate * span + max(rate / 2, *chosen), calls[first : last + 1]


@pytest.mark.timeout(120)
def test_no_order_of_events_lets_out_more_than_the_limits(redis, server) -> None:
    run_state_machine_as_test(
        lambda: Night(redis, server),
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None),
    )
