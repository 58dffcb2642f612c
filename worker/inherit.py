"""Answers whose worker is gone: found, and settled in threads where a stranger's host may take its time."""

from uuid import UUID

from darkroom.blobs import StorageFailed
from darkroom.domain.attempt import Outcome, Unknown
from darkroom.domain.failure import Failure, FailureClass
from darkroom.store import hints, leases
from darkroom.store.leases import LostLease
from darkroom.store.session import transaction
from darkroom.telemetry.logs import concerning, logger
from worker import evidence, receipts, settlement
from worker.tools import Tools

_PATIENCE = 1.0


def salvage(tools: Tools) -> int:
    """Looks through the spool for answers that nobody else brings in; counts what it found.

    What lies there keeps its lease. What was settled meanwhile is dropped.
    """
    own = {*tools.holdings.attempts(), *tools.estate.attempts()}
    found = [one for one in receipts.spooled(tools) if one not in own]
    if not found:
        return 0
    with transaction(tools.engine) as connection:
        leases.renew(connection, found)
        left = leases.left(connection, found, tools.name)
        over = leases.over(connection, found)
    for lease in left:
        tools.estate.add(lease)
    for attempt_id in over:
        receipts.forget(tools, attempt_id)
    return len(left) + len(over)


def take_over(tools: Tools, lease: LostLease) -> None:
    """Keeps a lease that was lost, for what it takes to settle it may take long."""
    tools.estate.add(lease)
    with transaction(tools.engine) as connection:
        leases.renew(connection, [lease.reservation.attempt_id])


def inherit(tools: Tools) -> int:
    """Settles the next of what others left behind, however long a host behind a link takes.

    What the storage does not give or take comes after all the others, and holds up nothing else: it may be
    this one object. A job that waits for it asks again.
    """
    lease = tools.estate.next(_PATIENCE)
    if lease is None:
        return 0
    of = lease.reservation
    try:
        with concerning(batch_id=of.batch_id.hex, job_id=of.job_id, attempt_id=of.attempt_id.hex):
            settled = _settled(tools, lease)
    finally:
        tools.estate.part_with(lease)
    if settled:
        return 1
    if lease.waiting is None:
        tools.estate.add(lease)
    tools.pause(_PATIENCE)
    return 0


def _settled(tools: Tools, lease: LostLease) -> bool:
    """Whether it is done; the storage may keep it from that."""
    attempt_id, outcome = lease.reservation.attempt_id, None
    try:
        outcome = outcome_of(tools, lease)
    except StorageFailed as trouble:
        settlement.say_held(trouble)
        outcome = given_up(tools, attempt_id, trouble)
    if outcome is None:
        return False
    tools.trouble.over(attempt_id)
    if lease.waiting is None or not isinstance(outcome, Unknown):
        settlement.settle(tools, lease.reservation, outcome, lease)
    if lease.waiting is not None:
        _let_go_on(tools, attempt_id, lease.waiting)
    return True


def given_up(tools: Tools, attempt_id: UUID, trouble: StorageFailed) -> Unknown | None:
    """How an attempt ends whose answer the storage has long not given, or whose image it has not taken.

    None while there is hope: it is not long yet, or the storage is in trouble with everything.
    """
    if not is_hopeless(tools, attempt_id):
        return None
    message = f"its answer came and cannot be read or stored, while others can: {trouble}"
    failure = Failure(FailureClass.UNKNOWN_OUTCOME, "receipt_unreadable", message)
    logger("worker").error(message, action="give_up_answer", attempt_id=attempt_id.hex)
    return Unknown(failure, None, None)


def is_hopeless(tools: Tools, what: UUID | int) -> bool:
    """Whether the storage has long been in trouble with this attempt or job, and is well with anything else."""
    if not tools.trouble.lasts(what, tools.stopwatch()):
        return False
    try:
        tools.blobs.check()
    except StorageFailed:
        return False
    return True


def _let_go_on(tools: Tools, attempt_id: UUID, waiting: int) -> None:
    """The job that waited need not wait on: it has its image, or asks for what it lacks."""
    with transaction(tools.engine) as connection:
        leases.looked(connection, attempt_id, waiting, tools.policy.losses)
        hints.ring(connection)


def outcome_of(tools: Tools, lease: LostLease) -> Outcome:
    """What the answer proves that was kept; one that cannot be judged must not keep anybody from the others."""
    answer = receipts.find(tools, lease.reservation.attempt_id)
    if answer is None:
        return lost()
    try:
        return evidence.judge(tools, lease.provider, lease.request, answer)
    except StorageFailed:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it must not keep anybody from the other leases
        logger("worker").exception("a receipt that cannot be judged", action="reap")
        return _unknown(
            "receipt_unreadable", "the answer that was kept cannot be judged", answer.status
        )


def lost() -> Unknown:
    """Nothing is known of what its worker did."""
    return _unknown("worker_lost", "the worker was lost after it may have sent the request")


def _unknown(code: str, message: str, status: int | None = None) -> Unknown:
    return Unknown(Failure(FailureClass.WORKER_LOST, code, message, status), None, None)
