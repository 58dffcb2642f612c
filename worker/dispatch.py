"""Dispatch: the broker's window is kept small, fair, and full of jobs that can be begun now."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from uuid import UUID

from darkroom.domain.fairness import Waiting, share
from darkroom.domain.room import room_needed
from darkroom.domain.waiting import WaitingFor
from darkroom.limits import LimiterAway
from darkroom.store import batches, hints, holdups, jobs, providers, windows, workers
from darkroom.store.batches import Busy, OpenBatch
from darkroom.store.jobs import Dispatched
from darkroom.store.locks import Duty, try_lock
from darkroom.store.providers import Standing
from darkroom.store.session import Transaction, transaction
from darkroom.telemetry.logs import logger
from worker.notice import NO_PERMIT, note_all
from worker.tools import BrokerAway, Tools
from worker.upstream import Upstream

AHEAD = timedelta(seconds=2)
"""How far ahead of the rate limits jobs are handed out: as long as a job waits for its permit."""


def dispatch(tools: Tools) -> int:
    """Hands out due jobs, row first and message second; counts them."""
    try:
        with transaction(tools.engine) as connection:
            if not try_lock(connection, Duty.DISPATCH):
                return 0
            windows.roll(connection)
            messages = _dispatched(tools, connection)
        tools.publish(messages)
    except LimiterAway:
        note_all(tools, WaitingFor.LIMITER, NO_PERMIT)
        raise
    except BrokerAway:
        note_all(tools, WaitingFor.BROKER, "the broker takes no message")
        _take_back(tools, messages)
        return 0
    return len(messages)


def _dispatched(tools: Tools, connection: Transaction) -> list[Dispatched]:
    """As many due jobs as each provider has room for; what one waits for holds up no other."""
    standings = {name: _standing(connection, one) for name, one in tools.upstreams.items()}
    ready = {name: one for name, one in standings.items() if not one.paused_reason}
    if not ready or tools.holdings.is_stuck or not _has_space(tools, connection):
        return []
    slots, busy = workers.slots(connection), batches.busy(connection)
    free = slots - sum(load.dispatched + load.running for load in busy.values())
    messages: list[Dispatched] = []
    for name, standing in ready.items():
        upstream = tools.upstreams[name]
        own = 1 if standing.on_trial else _own_slots(tools, upstream, slots)
        load = busy.get(name, Busy())
        room = min(own - load.running - load.dispatched, free - len(messages))
        messages += _handed_out(tools, connection, upstream, room, load.dispatched)
    return messages


def _handed_out(
    tools: Tools, connection: Transaction, upstream: Upstream, room: int, dispatched: int
) -> list[Dispatched]:
    """As many due jobs of one provider as it has room for: what one batch has not due, the others may have."""
    waiting = batches.dispatchable(connection, upstream.name, tools.focus) if room > 0 else []
    window = _window(upstream, room, dispatched) if waiting else 0
    messages: list[Dispatched] = []
    while waiting and len(messages) < window:
        shares = _shares(window - len(messages), waiting)
        spent = set()
        # By id, as every transaction locks batches.
        for batch_id, number in sorted(shares.items()):
            found = jobs.dispatch(connection, batch_id, number)
            messages += found
            if len(found) < number:
                spent.add(batch_id)
        if not spent:
            break
        waiting = [batch for batch in waiting if batch.id not in spent]
    return messages


def _shares(window: int, found: Sequence[OpenBatch]) -> dict[UUID, int]:
    """How many jobs each batch hands out; a lone request goes before all that nobody waits for."""
    lone = share(window, [_waiting(batch) for batch in found if batch.lone])
    rest = [_waiting(batch) for batch in found if not batch.lone]
    return lone | share(window - sum(lone.values()), rest)


def _waiting(batch: OpenBatch) -> Waiting:
    busy = batch.dispatched + batch.running
    return Waiting(batch.id, batch.project_id, batch.queued, busy, batch.priority)


def _standing(connection: Transaction, upstream: Upstream) -> Standing:
    """Whether calls with this provider's key make sense now; its batches say so where they do not."""
    name = upstream.name
    standing = providers.standing(connection, name, upstream.key_fingerprint)
    if standing.paused_reason:
        batches.pause_key(connection, name, standing.paused_reason)
        return standing
    if batches.release_key(connection, name):
        logger("worker").info("the key is in use again", action="resume_key", provider=name)
    return standing


def _has_space(tools: Tools, connection: Transaction) -> bool:
    """Whether what may come back can be stored: an image that finds no room was paid for in vain."""
    free = tools.blobs.free_bytes()
    needed = room_needed(_in_flight(tools))
    if free is None or free >= needed:
        return True
    full = f"{free:,} bytes are free for images and {needed:,} are needed: free some disk"
    for name in tools.upstreams:
        holdups.note(connection, name, WaitingFor.DISK_SPACE, full)
    logger("worker").error(
        "the disk is nearly full: no new call is made",
        action="hold_dispatch",
        free_bytes=free,
        needed_bytes=needed,
    )
    return False


def _in_flight(tools: Tools) -> int:
    return sum(upstream.limiter.limits.in_flight for upstream in tools.upstreams.values())


def _own_slots(tools: Tools, upstream: Upstream, slots: int) -> int:
    """A provider's share of all slots: one that is slow must not sit on those of the others."""
    return ceil(slots * upstream.limiter.limits.in_flight / _in_flight(tools))


def _window(upstream: Upstream, room: int, dispatched: int) -> int:
    """Free slots, but no more waiting for permits than the rate limits admit while they wait."""
    rate = upstream.limiter.calls_per_second()
    return room if rate is None else min(room, ceil(rate * AHEAD.total_seconds()) - dispatched)


def _take_back(tools: Tools, messages: Sequence[Dispatched]) -> None:
    logger("worker").warning("the broker is away", action="take_back", jobs=len(messages))
    with transaction(tools.engine) as connection:
        tickets = [(message.job_id, message.token) for message in messages]
        jobs.give_back(connection, tickets, timedelta(seconds=1))
        hints.ring(connection)
