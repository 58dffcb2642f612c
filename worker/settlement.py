"""The end of an attempt: what becomes of its job, written down with the money, however long it takes."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, assert_never

from darkroom.blobs import StorageFailed
from darkroom.domain.attempt import (
    NotSent,
    Outcome,
    Reservation,
    Succeeded,
    Unknown,
    failure_of,
)
from darkroom.domain.failure import Failure, Reaction
from darkroom.domain.retry import Decision, GiveUp, History, TryAgain, count, decide, named
from darkroom.store import evidence as late_evidence
from darkroom.store import hints, outbox, providers
from darkroom.store.evidence import Late
from darkroom.store.jobs import Ticket
from darkroom.store.leases import LostLease
from darkroom.store.ledger import Settlement, cost_of
from darkroom.store.session import StoreAway, transaction
from darkroom.telemetry.logs import logger
from worker import receipts
from worker.line import log_attempt
from worker.tally import tally
from worker.tools import Tools
from worker.upstream import Upstream

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0

_FIXES = {
    Reaction.PAUSE_KEY: "correct the key or the account, or what else the reason names",
    Reaction.HOLD: "do as the reason says",
}

Result = TypeVar("Result")


def patiently(tools: Tools, act: Callable[[], Result]) -> Result:
    """Does what must be done about something paid for, however long storage or database are away.

    The lease is renewed meanwhile, and this process begins no new call until it has been done.
    """
    try:
        return act()
    except (StoreAway, StorageFailed) as trouble:
        say_held(trouble)
    with tools.holdings.stuck():
        return _again(tools, act)


def _again(tools: Tools, act: Callable[[], Result]) -> Result:
    pause = _FIRST_PAUSE
    while True:
        tools.pause(pause)
        try:
            return act()
        except (StoreAway, StorageFailed) as trouble:
            say_held(trouble)
        pause = min(pause * 2, _LONGEST_PAUSE)


def say_held(trouble: Exception) -> None:
    """An answer that was paid for cannot be stored yet."""
    logger("worker").warning("an answer is held", action="hold_answer", reason=str(trouble))


def settle(
    tools: Tools,
    reservation: Reservation,
    outcome: Outcome,
    job: Ticket | LostLease,
    *,
    if_lost: bool = False,
) -> str:
    """Ends an attempt in the ledger and says in a few words how; late answers become evidence.

    `job` says what was asked of whom, and what the job had behind it.
    `if_lost` is the reaper's: a lease that was renewed meanwhile is left alone.
    """
    decision, history = _verdict(tools, outcome, _history_of(tools, job))
    outcome = _named(tools, outcome, history)
    settlement = Settlement(reservation, outcome, decision, history, if_lost)

    def once() -> tuple[str, bool]:
        missed = tools.tellers.settlements.ask(settlement)
        if missed is None:
            tally(tools.meter, job.provider, outcome)
            return _text(outcome, decision), True
        if isinstance(outcome, Unknown):
            return f"too late: {missed.reason}", False
        with transaction(tools.engine) as connection:
            late = late_evidence.settle_late(connection, reservation.attempt_id, outcome)
        if late is not Late.STALE:
            tally(tools.meter, job.provider, outcome, late=True)
        return f"late answer: {late}", late is not Late.STALE

    text, ended = patiently(tools, once)
    if ended:
        receipts.release(tools, reservation.attempt_id, outcome)
        _tell_overrun(settlement)
    tools.wake.ring()
    if isinstance(decision, TryAgain):
        tools.wake.ring_in(decision.after.total_seconds())
    log_attempt(job.provider, job.request, reservation, outcome, text)
    return text


def _history_of(tools: Tools, job: Ticket | LostLease) -> History:
    """What the job has behind it; a call that cannot say `moderation` is not softened by saying it."""
    model = tools.models_of(job.provider).priced.get(job.request.get("model", ""))
    if model is None or model.references.moderation or "images" not in job.request:
        return job.history
    return replace(job.history, may_soften=False)


def _verdict(tools: Tools, outcome: Outcome, before: History) -> tuple[Decision, History]:
    failure = failure_of(outcome)
    if failure is None:
        return GiveUp(), before
    history = count(before, failure)
    return decide(tools.policy, failure, history, tools.draw()), history


def _named(tools: Tools, outcome: Outcome, history: History) -> Outcome:
    match outcome:
        case Unknown() | NotSent():
            return replace(outcome, failure=named(tools.policy, outcome.failure, history))
        case _:
            return outcome


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


def _tell_overrun(settlement: Settlement) -> None:
    if not settlement.overrun:
        return
    logger("worker").warning(
        "a bill is above its reservation: such requests reserve as much from now on",
        action="overrun",
        batch_id=settlement.reservation.batch_id.hex,
        attempt_id=settlement.attempt_id.hex,
        reserved=str(settlement.reservation.reserved),
        cost=str(cost_of(settlement.outcome)),
    )


def pause_key(tools: Tools, upstream: Upstream, failure: Failure) -> None:
    """Pauses the provider's key: every call with it would be refused until a person acts."""
    reason = f"{failure.code}: {failure.message}"

    def once() -> bool:
        with transaction(tools.engine) as connection:
            hints.ring(connection)
            fresh = providers.pause(connection, upstream.name, upstream.key_fingerprint, reason)
            if fresh:
                outbox.key_paused(connection, upstream.name, reason)
            return fresh

    if patiently(tools, once):
        logger("worker").error(
            reason,
            action="pause_key",
            provider=upstream.name,
            code=failure.code,
            http_status=failure.http_status,
            fix=f"{_FIXES[failure.klass.reaction]}, then: darkroom resume BATCH",
        )
