"""The reaper: tickets that ran out go back, lost leases are settled by what is found, or as unknown."""

from darkroom.blobs import StorageFailed
from darkroom.domain.attempt import Outcome, Unknown
from darkroom.domain.clock import LEASE
from darkroom.domain.failure import Failure, FailureClass
from darkroom.store import jobs, leases, session
from darkroom.store.leases import LostLease
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import Transaction, transaction
from darkroom.telemetry.logs import concerning, logger
from worker import evidence, receipts, settlement
from worker.tools import Tools

CHUNK = 500


def reap(tools: Tools) -> int:
    """Moves on what its worker left; counts it."""
    with transaction(tools.engine) as connection:
        if not try_lock(connection, Duty.REAP):
            return 0
        lapsed = jobs.lapse(connection, CHUNK)
        lost = leases.lost(connection, CHUNK) if _heartbeats_count(tools, connection) else []
    tools.meter.reaped(lapsed, len(lost))
    for lease in lost:
        _settle(tools, lease)
    return lapsed + len(lost)


def _heartbeats_count(tools: Tools, connection: Transaction) -> bool:
    """Whether a silent worker is lost: not while the database itself has been away for all of them."""
    answered_for = tools.stopwatch() - tools.holdings.outage_at
    return session.up_for(connection) > LEASE and answered_for > LEASE.total_seconds()


def _settle(tools: Tools, lease: LostLease) -> None:
    """Outside of any transaction, for a receipt may have to be read; a compare-and-set decides in the end."""
    of = lease.reservation
    with concerning(batch_id=of.batch_id.hex, job_id=of.job_id, attempt_id=of.attempt_id.hex):
        settlement.settle(tools, of, _outcome(tools, lease), lease, if_lost=True)


def _outcome(tools: Tools, lease: LostLease) -> Outcome:
    """What the receipt proves; one that cannot be judged must not keep the reaper from the others."""
    answer = receipts.find(tools, lease.reservation.attempt_id)
    if answer is None:
        message = "the worker was lost after it may have sent the request"
        return _unknown("worker_lost", message)
    try:
        return evidence.judge(tools, lease.provider, lease.request, answer)
    except StorageFailed:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it must not keep the reaper from the other leases
        logger("worker").exception("a receipt that cannot be judged", action="reap")
        return _unknown(
            "receipt_unreadable", "the answer that was kept cannot be judged", answer.status
        )


def _unknown(code: str, message: str, status: int | None = None) -> Unknown:
    return Unknown(Failure(FailureClass.WORKER_LOST, code, message, status), None, None)
