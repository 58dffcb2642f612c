"""Permits: asked for before a call, given back or used up after it, and what its answer teaches the limiter."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from darkroom.domain.clock import PERMIT_WAIT
from darkroom.domain.limit import Heard
from darkroom.domain.pricing import text_tokens_guess
from darkroom.limits import Admitted, Denied, LimiterAway, Load
from darkroom.store import limits
from darkroom.store.session import StoreAway, transaction
from darkroom.telemetry.logs import logger
from worker.tools import Tools
from worker.upstream import Upstream


def prime(tools: Tools) -> int:
    """Lets the limits of all families fill before anything is asked of them; counts the providers.

    Raises:
        LimiterAway: each family is begun with its first call.
    """
    for upstream in tools.upstreams.values():
        upstream.limiter.prime(upstream.models.families)
    return len(tools.upstreams)


def load_of(upstream: Upstream, request: Mapping[str, Any]) -> Load:
    """What a request costs in each of the limiter's dimensions."""
    return Load(
        family=upstream.family(request),
        images=int(request["n"]),
        tokens=text_tokens_guess(request["prompt"]),
        input_images=len(request.get("images", ())),
    )


def ask(tools: Tools, upstream: Upstream, attempt_id: UUID, load: Load) -> Admitted | Denied:
    """Asks until a permit is given, or cannot be given within the time a dispatched job waits.

    Raises:
        LimiterAway: no permit, so no call.
    """
    asked_at = tools.stopwatch()
    patience_ends = asked_at + PERMIT_WAIT.total_seconds()
    while True:
        left = timedelta(seconds=max(patience_ends - tools.stopwatch(), 0))
        leave = upstream.limiter.acquire(attempt_id.hex, load, left)
        if isinstance(leave, Admitted) or leave.wait > left or tools.draining.is_set():
            _measure(tools, upstream, asked_at, leave)
            return leave
        tools.holdings.await_an_end(leave.wait.total_seconds())


def _measure(tools: Tools, upstream: Upstream, asked_at: float, leave: Admitted | Denied) -> None:
    """A wait that is still to come counts where the call will go out after it."""
    waited = tools.stopwatch() - asked_at
    if isinstance(leave, Admitted):
        tools.meter.permit(upstream.name, waited + leave.wait.total_seconds(), None)
    else:
        tools.meter.permit(upstream.name, waited, leave.dimension)


def refund(upstream: Upstream, attempt_id: UUID, load: Load) -> None:
    """Takes back a permit that was not used."""
    try:
        upstream.limiter.refund(attempt_id.hex, load)
    except LimiterAway:
        """What it forgot needs no refund; what it kept runs out by itself."""


def release(upstream: Upstream, attempt_id: UUID) -> None:
    """Ends a call in flight that taught us nothing."""
    try:
        upstream.limiter.release(attempt_id.hex)
    except LimiterAway:
        """Its place in flight runs out by itself."""


def renew(tools: Tools) -> int:
    """Keeps the calls counted that this process makes; counts them.

    One that ends in between is let go again: its place, brought back, would outlive it.

    Raises:
        LimiterAway: it is told the next time.
    """
    number = 0
    for upstream in tools.upstreams.values():
        calls = tools.holdings.calls(upstream.name)
        upstream.limiter.renew([attempt_id.hex for attempt_id in calls])
        for ended in calls - tools.holdings.calls(upstream.name):
            upstream.limiter.release(ended.hex)
        number += len(calls)
    return number


def hear(tools: Tools, upstream: Upstream, attempt_id: UUID, family: str, heard: Heard) -> bool:
    """Ends a call in flight and learns from it; true while the provider is in trouble for everybody."""
    try:
        lesson = upstream.limiter.hear(attempt_id.hex, family, heard)
        if lesson.news:
            _remember(tools, upstream, family)
    except LimiterAway:
        return False
    return lesson.trouble


def _remember(tools: Tools, upstream: Upstream, family: str) -> None:
    """Writes down what is known now; the limiter's own memory is Redis's, and may be gone tomorrow."""
    known = upstream.limiter.known(family)
    learned: dict[str, float] = {str(one): limit for one, limit in known.limits.items()}
    if known.pace is not None:
        learned["pace"] = known.pace
    logger("worker").info(
        "limits", action="learn_limits", provider=upstream.name, family=family, **learned
    )
    try:
        with transaction(tools.engine) as connection:
            limits.remember(connection, upstream.name, family, learned)
    except StoreAway:
        """It is learned again from the next answer that says so."""
