"""One attempt: a permit, a row with the money reserved, a last look at the lease, the call, and its end."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import assert_never
from uuid import UUID

from darkroom.blobs import StorageFailed
from darkroom.domain.answer import Answer
from darkroom.domain.attempt import (
    NotSent,
    Outcome,
    Reservation,
    Succeeded,
    Unknown,
    excused,
    failure_of,
    hopeless,
)
from darkroom.domain.clock import LEASE, SAFETY_MARGIN
from darkroom.domain.failure import STOPPING, Failure, FailureClass
from darkroom.domain.job import Missed
from darkroom.domain.limit import Heard, Sign
from darkroom.domain.waiting import WaitingFor
from darkroom.limits import Admitted, Denied, LimiterAway, Load
from darkroom.provider import CallFailed, hear
from darkroom.store import jobs, leases
from darkroom.store.jobs import Ticket
from darkroom.store.leases import LostLease
from darkroom.store.reservations import BeginRefused, Claim, Refusal
from darkroom.store.session import StoreAway, StoreBusy, transaction
from darkroom.telemetry.logs import concerning
from worker import budget, enclosures, evidence, inherit, permits, receipts, settlement
from worker.enclosures import Letter
from worker.notice import NO_PERMIT, note, note_denial, note_failure, over
from worker.tools import Tools
from worker.upstream import Upstream

AWAY = timedelta(seconds=5)
"""How long a job waits when the limiter, or room in its budget, is away."""

BEGIN_SECONDS = 4.0
"""A begin that takes longer may leave a connection and its encryption too little of the lease."""


@dataclass(frozen=True, slots=True)
class Report:
    """How the handling of one message ended, in words for Flower; `failed`: an attempt brought no image."""

    text: str
    failed: bool = False


def attempt(tools: Tools, job_id: int, token: int) -> Report:
    """Handles one message: makes the one call that its ticket allows, or says why it makes none.

    Whatever happens outside, the job is left where somebody moves it on: a ticket lapses, a lease is lost,
    a receipt is found.
    """
    try:
        with concerning(job_id=job_id):
            return _handle(tools, job_id, token)
    except StoreBusy:
        return Report("the database is busy; the ticket runs out by itself")
    except StoreAway:
        tools.holdings.outage_at = tools.stopwatch()
        return Report("the database is away; the ticket runs out by itself")
    finally:
        tools.holdings.part_with((job_id, token))


def _handle(tools: Tools, job_id: int, token: int) -> Report:
    ticket = tools.tellers.tickets.ask((job_id, token))
    if isinstance(ticket, Missed):
        return Report(f"stale ticket: {ticket.reason}")
    if not ticket.batch_open:
        return _give_back(tools, ticket, timedelta(0), "its batch makes no new call")
    upstream = tools.upstreams.get(ticket.provider)
    if upstream is None:
        return _give_back(tools, ticket, AWAY, f"this worker does not call {ticket.provider}")
    if tools.holdings.is_stuck:
        return _give_back(tools, ticket, AWAY, "an earlier answer waits to be stored")
    if ticket.is_doubtful and (lease := _looks_again(tools, ticket)):
        report = _give_back(
            tools, ticket, tools.policy.cool_down, "an earlier answer is looked for"
        )
        tools.estate.add(lease)
        return report
    return _with_pictures(tools, upstream, ticket)


def _with_pictures(tools: Tools, upstream: Upstream, ticket: Ticket) -> Report:
    """Pictures may take long to come: only what is at hand asks for leave to be sent."""
    with ExitStack() as lent:
        letter = _letter(lent, tools, upstream, ticket)
        if letter is None:
            return _give_back(tools, ticket, AWAY, "the storage is in trouble")
        return _with_permit(tools, letter, ticket)


def _letter(lent: ExitStack, tools: Tools, upstream: Upstream, ticket: Ticket) -> Letter | None:
    """What is to be sent; None where the storage is away or does not give its pictures, and may do so later."""
    try:
        tools.blobs.free_bytes()  # jobs come also to whom they were not handed out by
        letter = enclosures.written(lent, tools.blobs, upstream, ticket.request)
    except StorageFailed as failed:
        if inherit.is_hopeless(tools, ticket.job_id):
            return enclosures.unreadable(upstream, ticket.request, failed)
        note(tools, upstream.name, WaitingFor.STORAGE, str(failed))
        return None
    tools.trouble.over(ticket.job_id)
    return letter


def _looks_again(tools: Tools, ticket: Ticket) -> LostLease | None:
    """An earlier attempt that may have brought the job its image; its heir has the time that no ticket has."""
    with transaction(tools.engine) as connection:
        return leases.look_again(connection, ticket, tools.policy.losses)


def _give_back(tools: Tools, ticket: Ticket, after: timedelta, reason: str) -> Report:
    with transaction(tools.engine) as connection:
        jobs.give_back(connection, [(ticket.job_id, ticket.token)], after)
    tools.wake.ring_in(after.total_seconds())
    return Report(f"given back: {reason}, due in {after.total_seconds():.1f} s")


def _with_permit(tools: Tools, letter: Letter, ticket: Ticket) -> Report:
    upstream = letter.upstream
    attempt_id, load = tools.new_id(), permits.load_of(upstream, ticket.request)
    try:
        leave = permits.ask(tools, upstream, attempt_id, load)
    except LimiterAway:
        note(tools, upstream.name, WaitingFor.LIMITER, NO_PERMIT)
        return _give_back(tools, ticket, AWAY, "the limiter is away")
    over(tools, upstream.name, WaitingFor.LIMITER)
    match leave:
        case Denied(wait=wait, dimension=dimension):
            note_denial(tools, upstream.name, leave)
            return _give_back(tools, ticket, wait, f"waiting for {dimension}")
        case Admitted(wait=wait):
            over(tools, upstream.name, WaitingFor.COOL_DOWN)
            if tools.draining.wait(wait.total_seconds()):
                permits.refund(upstream, attempt_id, load)
                return _give_back(tools, ticket, timedelta(0), "this worker is stopping")
            return _begin(tools, letter, ticket, attempt_id, load)
        case _:
            assert_never(leave)


def _begin(tools: Tools, letter: Letter, ticket: Ticket, attempt_id: UUID, load: Load) -> Report:
    upstream, begun_at = letter.upstream, tools.stopwatch()
    ids = concerning(batch_id=ticket.batch_id.hex, attempt_id=attempt_id.hex)
    with ids, tools.holdings.attempt(attempt_id):
        try:
            claim = Claim(attempt_id, ticket.job_id, ticket.token, tools.name, upstream.name)
            reservation = tools.tellers.begins.ask(claim)
        except BeginRefused as refused:
            permits.refund(upstream, attempt_id, load)
            return _refused(tools, ticket, refused)
        except StoreAway:
            permits.refund(upstream, attempt_id, load)
            return _doubtful(tools, ticket, attempt_id)
        if isinstance(reservation, Missed):
            permits.refund(upstream, attempt_id, load)
            return Report(f"stale ticket: {reservation.reason}")
        tools.holdings.part_with((ticket.job_id, ticket.token))
        with tools.holdings.call(attempt_id, upstream.name):
            ending = _call(tools, letter, ticket, reservation, begun_at)
        return _end(tools, upstream, ticket, reservation, ending)


def _doubtful(tools: Tools, ticket: Ticket, attempt_id: UUID) -> Report:
    """The answer to a begin was lost: if it was committed all the same, the attempt ends as not sent."""

    def committed() -> Reservation | None:
        with transaction(tools.engine) as connection:
            return leases.running(connection, attempt_id)

    reservation = settlement.patiently(tools, committed)
    if reservation is None:
        return Report("the database was away before anything was begun")
    failure = Failure(FailureClass.STORE_AWAY, "store_away", "the database was away")
    text = settlement.settle(tools, reservation, NotSent(failure), ticket)
    return Report(text, failed=True)


def _refused(tools: Tools, ticket: Ticket, refused: BeginRefused) -> Report:
    match refused.refusal:
        case Refusal.BATCH_CLOSED:
            return _give_back(tools, ticket, timedelta(0), "its batch makes no new call")
        case Refusal.OVER_BUDGET:
            budget.pause(tools, ticket.batch_id, refused)
            return _give_back(tools, ticket, AWAY, "no room in the budget")
        case _:
            assert_never(refused.refusal)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended, and what it told about limits; nothing where it never reached the provider's door."""

    outcome: Outcome
    heard: Heard | None


def _call(
    tools: Tools, letter: Letter, ticket: Ticket, reservation: Reservation, begun_at: float
) -> Ending:
    last_moment = begun_at + (LEASE - SAFETY_MARGIN).total_seconds()
    slow = tools.stopwatch() - begun_at > BEGIN_SECONDS
    try:
        return _answered(
            tools,
            letter.upstream,
            ticket,
            reservation.attempt_id,
            letter.send(
                may_send=lambda: tools.stopwatch() < last_moment,
                attempt_id=reservation.attempt_id,
            ),
        )
    except CallFailed as failed:
        return _unanswered(failed, slow=slow)


def _answered(
    tools: Tools, upstream: Upstream, ticket: Ticket, attempt_id: UUID, answer: Answer
) -> Ending:
    """What came, once it is stored; until then it waits on disk, for there may be hundreds of them."""
    settlement.patiently(tools, partial(receipts.keep, tools, attempt_id, answer))
    try:
        return _judged(tools, upstream, ticket, answer)
    except StorageFailed as trouble:
        settlement.say_held(trouble)
    del answer  # nobody else has it: the caller keeps no name for it

    def again() -> Ending:
        try:
            return recalled()
        except StorageFailed as trouble:
            if outcome := inherit.given_up(tools, attempt_id, trouble):
                return Ending(outcome, None)
            raise

    def recalled() -> Ending:
        with tools.recalling:
            kept = receipts.find(tools, attempt_id)
            if kept is None:
                return Ending(inherit.lost(), None)
            return _judged(tools, upstream, ticket, kept)

    return settlement.patiently(tools, again)


def _judged(tools: Tools, upstream: Upstream, ticket: Ticket, answer: Answer) -> Ending:
    outcome = evidence.judge(tools, upstream.name, ticket.request, answer)
    heard = hear(answer, failure_of(outcome))
    return Ending(hopeless(outcome) if heard.hopeless else outcome, heard)


def _unanswered(failed: CallFailed, *, slow: bool) -> Ending:
    """Of a lease that was short because the begin was slow, the database is to blame and not the job."""
    if failed.sent:
        unknown = Unknown(failed.failure, failed.request_id, failed.latency_ms)
        return Ending(unknown, Heard(Sign.TROUBLE))
    if slow and failed.failure.klass is FailureClass.LEASE_SHORT:
        message = "the database took too long to begin it; nothing was sent"
        return Ending(NotSent(Failure(FailureClass.STORE_AWAY, "begin_slow", message)), None)
    away = failed.failure.klass is FailureClass.UNREACHABLE
    return Ending(NotSent(failed.failure), Heard(Sign.TROUBLE) if away else None)


def _end(
    tools: Tools, upstream: Upstream, ticket: Ticket, reservation: Reservation, ending: Ending
) -> Report:
    """The limiter hears of it first: where all calls fail, a job is not blamed for its own."""
    trouble = _leave_flight(tools, upstream, ticket, reservation, ending)
    outcome = excused(ending.outcome) if trouble else ending.outcome
    text = settlement.settle(tools, reservation, outcome, ticket)
    failure = failure_of(outcome)
    if failure and failure.klass.reaction in STOPPING:
        settlement.pause_key(tools, upstream, failure)
    if failure:
        note_failure(tools, upstream.name, failure, everybody=trouble)
    elif not trouble:
        over(tools, upstream.name, WaitingFor.PROVIDER)
    return Report(text, failed=not isinstance(outcome, Succeeded))


def _leave_flight(
    tools: Tools, upstream: Upstream, ticket: Ticket, reservation: Reservation, ending: Ending
) -> bool:
    load = permits.load_of(upstream, ticket.request)
    if isinstance(ending.outcome, NotSent):
        permits.refund(upstream, reservation.attempt_id, load)
    if ending.heard:
        return permits.hear(tools, upstream, reservation.attempt_id, load.family, ending.heard)
    permits.release(upstream, reservation.attempt_id)
    return False
