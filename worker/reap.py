"""The reaper: tickets that ran out go back, lost leases are settled by what is found, or as unknown."""

from darkroom.domain.clock import LEASE
from darkroom.store import jobs, leases, session
from darkroom.store.leases import LostLease
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import Transaction, transaction
from darkroom.telemetry.logs import concerning
from worker import inherit, receipts, settlement
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
    """Outside of any transaction, for a receipt may have to be read; a compare-and-set decides in the end.

    An answer that only points to its images is others' work: the clock waits for no stranger's host.
    """
    of = lease.reservation
    with concerning(batch_id=of.batch_id.hex, job_id=of.job_id, attempt_id=of.attempt_id.hex):
        if tools.links_of(lease.provider) and receipts.find(tools, of.attempt_id):
            inherit.take_over(tools, lease)
        else:
            settlement.settle(tools, of, inherit.outcome_of(tools, lease), lease, if_lost=True)
