"""The reaper: tickets that ran out go back, lost leases are settled by what is found, or as unknown."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from darkroom.blobs import StorageFailed
from darkroom.domain.attempt import Outcome
from darkroom.domain.clock import LEASE
from darkroom.store import jobs, leases, session
from darkroom.store.leases import LostLease
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import Transaction, transaction
from darkroom.telemetry.logs import concerning
from worker import inherit, receipts, settlement
from worker.tools import Tools

CHUNK = 500

AT_ONCE = 4
"""A worker may leave hundreds, each to be asked for in the storage; as many as are judged at once."""


def reap(tools: Tools) -> int:
    """Moves on what its worker left; counts it."""
    with transaction(tools.engine) as connection:
        if not try_lock(connection, Duty.REAP):
            return 0
        lapsed = jobs.lapse(connection, CHUNK)
        lost = leases.lost(connection, CHUNK) if _heartbeats_count(tools, connection) else []
    tools.meter.reaped(lapsed, len(lost))
    if lapsed:
        tools.wake.ring()
    if lost:
        with ThreadPoolExecutor(min(AT_ONCE, len(lost)), "darkroom-reap") as pool:
            list(pool.map(partial(_settle, tools), lost))
    return lapsed + len(lost)


def _heartbeats_count(tools: Tools, connection: Transaction) -> bool:
    """Whether a silent worker is lost: not while the database itself has been away for all of them."""
    answered_for = tools.stopwatch() - tools.holdings.outage_at
    return session.up_for(connection) > LEASE and answered_for > LEASE.total_seconds()


def _settle(tools: Tools, lease: LostLease) -> None:
    """Outside of any transaction, for a receipt may have to be read; a compare-and-set decides in the end.

    An answer that only points to its images is others' work, and so is one that the storage does not give: the
    clock waits for no stranger's host, and no lease for another's.
    """
    of = lease.reservation
    with concerning(batch_id=of.batch_id.hex, job_id=of.job_id, attempt_id=of.attempt_id.hex):
        try:
            found = receipts.find(tools, of.attempt_id)
            settle = _settle_by_receipt if found else _settle_as_lost
            settle(tools, lease)
        except StorageFailed as trouble:
            settlement.say_held(trouble)
            inherit.take_over(tools, lease)


def _settle_as_lost(tools: Tools, lease: LostLease) -> None:
    settlement.settle(tools, lease.reservation, inherit.lost(), lease, if_lost=True)


def _settle_by_receipt(tools: Tools, lease: LostLease) -> None:
    """Says first that it looks: an answer over which worker after worker was lost is not judged once more."""
    of, most = lease.reservation, tools.policy.losses
    with transaction(tools.engine) as connection:
        looks = leases.look(connection, of.attempt_id)
    if looks is None:
        return
    if looks >= most:
        known = replace(lease, history=replace(lease.history, losses=most - 1))
        settlement.settle(tools, of, inherit.lost(), known, if_lost=True)
    elif tools.follow_of(lease.provider):
        inherit.take_over(tools, lease)
    else:
        settlement.settle(tools, of, _judged(tools, lease), lease, if_lost=True)


def _judged(tools: Tools, lease: LostLease) -> Outcome:
    try:
        return inherit.outcome_of(tools, lease)
    except StorageFailed:
        with transaction(tools.engine) as connection:
            leases.look_away(connection, lease.reservation.attempt_id)
        raise
