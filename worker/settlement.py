"""The end of an attempt: what becomes of its job, written down with the money, however long it takes."""

from collections.abc import Callable
from typing import TypeVar, assert_never

from darkroom.blobs import StorageFailed
from darkroom.domain.attempt import (
    Failed,
    NotSent,
    Outcome,
    Reservation,
    Succeeded,
    Unknown,
    failure_of,
)
from darkroom.domain.failure import Failure
from darkroom.domain.retry import Decision, GiveUp, History, TryAgain, count, decide
from darkroom.store import evidence as late_evidence
from darkroom.store import hints, providers
from darkroom.store.evidence import Late
from darkroom.store.ledger import Settlement
from darkroom.store.session import StoreAway, transaction
from darkroom.telemetry.logs import logger
from worker import receipts
from worker.tools import Tools
from worker.upstream import Upstream

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0

Result = TypeVar("Result")


def patiently(tools: Tools, act: Callable[[], Result]) -> Result:
    """Does what must be done about something paid for, however long storage or database are away.

    The lease is renewed meanwhile, and this process begins no new call until it has been done.
    """
    try:
        return act()
    except (StoreAway, StorageFailed) as trouble:
        _say_held(trouble)
    with tools.holdings.stuck():
        return _again(tools, act)


def _again(tools: Tools, act: Callable[[], Result]) -> Result:
    pause = _FIRST_PAUSE
    while True:
        tools.pause(pause)
        try:
            return act()
        except (StoreAway, StorageFailed) as trouble:
            _say_held(trouble)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _say_held(trouble: Exception) -> None:
    logger("worker").warning("an answer is held", action="hold_answer", reason=str(trouble))


def settle(
    tools: Tools,
    reservation: Reservation,
    outcome: Outcome,
    before: History,
    *,
    if_lost: bool = False,
) -> str:
    """Ends an attempt in the ledger and says in a few words how; late answers become evidence.

    `if_lost` is the reaper's: a lease that was renewed meanwhile is left alone.
    """
    decision, history = _verdict(tools, outcome, before)
    settlement = Settlement(reservation, outcome, decision, history, if_lost)

    def once() -> tuple[str, bool]:
        missed = tools.tellers.settlements.ask(settlement)
        if missed is None:
            return _text(outcome, decision), True
        if isinstance(outcome, Unknown):
            return f"too late: {missed.reason}", False
        with transaction(tools.engine) as connection:
            late = late_evidence.settle_late(connection, reservation.attempt_id, outcome)
        return f"late answer: {late}", late is not Late.STALE

    text, ended = patiently(tools, once)
    if ended and not isinstance(outcome, Unknown):
        receipts.forget(tools, reservation.attempt_id)
    tools.wake.set()
    _log(reservation, outcome, text)
    return text


def _verdict(tools: Tools, outcome: Outcome, before: History) -> tuple[Decision, History]:
    failure = failure_of(outcome)
    if failure is None:
        return GiveUp(), before
    history = count(before, failure)
    return decide(tools.policy, failure, history, tools.draw()), history


def _text(outcome: Outcome, decision: Decision) -> str:
    failure = failure_of(outcome)
    if isinstance(outcome, Succeeded) and failure is None:
        images = f"{len(outcome.images)} image{'s' * (len(outcome.images) != 1)}"
        return f"{images}, ${outcome.cost.normalize():f}, {outcome.latency_ms / 1000:.1f} s"
    assert failure is not None
    reason = f"{failure.code}: {failure.message}"
    match decision:
        case TryAgain(after=after):
            return f"{reason} (again in {after.total_seconds():.1f} s)"
        case GiveUp():
            return f"{reason} (given up)"
        case _:
            assert_never(decision)


def _log(reservation: Reservation, outcome: Outcome, text: str) -> None:
    match outcome:
        case Succeeded(request_id=request_id, latency_ms=latency_ms, cost=cost):
            facts = {"request_id": request_id, "latency_ms": latency_ms, "cost": str(cost)}
        case Failed(request_id=request_id, latency_ms=latency_ms, failure=failure):
            facts = {"request_id": request_id, "latency_ms": latency_ms, "code": failure.code}
        case Unknown(failure=failure) | NotSent(failure=failure):
            facts = {"code": failure.code}
        case _:
            assert_never(outcome)
    logger("worker").info(
        text,
        action="settle_attempt",
        outcome=type(outcome).__name__.lower(),
        batch_id=reservation.batch_id.hex,
        job_id=reservation.job_id,
        attempt_id=reservation.attempt_id.hex,
        number=reservation.number,
        **facts,
    )


def pause_key(tools: Tools, upstream: Upstream, failure: Failure) -> None:
    """Pauses the provider's key: every call with it would be refused until a person acts."""
    reason = f"{failure.code}: {failure.message}"

    def once() -> bool:
        with transaction(tools.engine) as connection:
            hints.ring(connection)
            return providers.pause(connection, upstream.name, upstream.key_fingerprint, reason)

    if patiently(tools, once):
        logger("worker").error(
            reason,
            action="pause_key",
            provider=upstream.name,
            code=failure.code,
            http_status=failure.http_status,
            fix="correct the key or the account, then: darkroom resume BATCH",
        )
