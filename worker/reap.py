"""The reaper: tickets that ran out go back, lost leases are settled by what is found, or as unknown."""

from darkroom.domain.attempt import Outcome, Unknown
from darkroom.domain.failure import Failure, FailureClass
from darkroom.store import jobs, leases
from darkroom.store.leases import LostLease
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import transaction
from worker import evidence, receipts, settlement
from worker.tools import Tools

CHUNK = 500


def reap(tools: Tools) -> int:
    """Moves on what its worker left; counts it."""
    with transaction(tools.engine) as connection:
        if not try_lock(connection, Duty.REAP):
            return 0
        lapsed = jobs.lapse(connection, CHUNK)
        lost = leases.lost(connection, CHUNK)
    for lease in lost:
        _settle(tools, lease)
    return lapsed + len(lost)


def _settle(tools: Tools, lease: LostLease) -> None:
    """Outside of any transaction, for a receipt may have to be read; a compare-and-set decides in the end."""
    answer = receipts.find(tools, lease.reservation.attempt_id)
    outcome: Outcome = (
        evidence.judge(tools, lease.request, answer)
        if answer
        else Unknown(
            Failure(
                FailureClass.WORKER_LOST,
                "worker_lost",
                "the worker was lost after it may have sent the request",
            ),
            None,
            None,
        )
    )
    settlement.settle(tools, lease.reservation, outcome, lease.history, if_lost=True)
