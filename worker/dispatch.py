"""Dispatch: the broker's window is kept small, fair, and full of jobs that can be begun now."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from darkroom.domain.fairness import Waiting, share
from darkroom.store import batches, hints, jobs, providers, workers
from darkroom.store.jobs import Dispatched
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import Transaction, transaction
from darkroom.telemetry.logs import logger
from worker.tools import BrokerAway, Tools

AHEAD = timedelta(seconds=2)
"""How far ahead of the rate limits jobs are handed out: as long as a job waits for its permit."""

LARGEST_IMAGE = 25_000_000
"""Bytes that one call may bring: an uncompressed-looking 4K PNG, and its receipt."""


def dispatch(tools: Tools) -> int:
    """Hands out due jobs, row first and message second; counts them."""
    with transaction(tools.engine) as connection:
        if not try_lock(connection, Duty.DISPATCH):
            return 0
        messages = _dispatched(tools, connection)
    try:
        tools.publish(messages)
    except BrokerAway:
        _take_back(tools, messages)
        return 0
    return len(messages)


def _dispatched(tools: Tools, connection: Transaction) -> list[Dispatched]:
    """As many due jobs as there is room for: what one batch has not due, the others may have."""
    if not _admitted(tools, connection):
        return []
    waiting = [
        Waiting(batch.id, batch.project_id, batch.queued, batch.dispatched + batch.running)
        for batch in batches.dispatchable(connection, tools.provider.name, tools.focus)
    ]
    window = _window(tools, connection) if waiting else 0
    messages: list[Dispatched] = []
    while waiting and len(messages) < window:
        shares = share(window - len(messages), waiting)
        spent = set()
        # By id, as every transaction locks batches.
        for batch_id, number in sorted(shares.items()):
            found = jobs.dispatch(connection, batch_id, number)
            messages += found
            if len(found) < number:
                spent.add(batch_id)
        if not spent:
            break
        waiting = [batch for batch in waiting if batch.batch_id not in spent]
    return messages


def _admitted(tools: Tools, connection: Transaction) -> bool:
    """Whether calls with this key make sense now; its batches say so where they do not."""
    name = tools.provider.name
    if reason := providers.paused(connection, name, tools.key_fingerprint):
        batches.pause_key(connection, name, reason)
        return False
    if batches.release_key(connection, name):
        logger("worker").info("the key is in use again", action="resume_key")
    return not tools.holdings.is_stuck and _has_space(tools)


def _has_space(tools: Tools) -> bool:
    """Whether what may come back can be stored: an image that finds no room was paid for in vain."""
    free = tools.blobs.free_bytes()
    needed = tools.limiter.limits.in_flight * LARGEST_IMAGE
    if free is None or free >= needed:
        return True
    logger("worker").error(
        "the disk is nearly full: no new call is made",
        action="hold_dispatch",
        free_bytes=free,
        needed_bytes=needed,
    )
    return False


def _window(tools: Tools, connection: Transaction) -> int:
    """Free slots, but no more waiting for permits than the rate limits admit while they wait."""
    busy = batches.busy(connection)
    window = workers.slots(connection) - busy.running - busy.dispatched
    rate = tools.limiter.limits.calls_per_second
    if rate is not None:
        window = min(window, ceil(rate * AHEAD.total_seconds()) - busy.dispatched)
    return max(window, 0)


def _take_back(tools: Tools, messages: Sequence[Dispatched]) -> None:
    logger("worker").warning("the broker is away", action="take_back", jobs=len(messages))
    with transaction(tools.engine) as connection:
        tickets = [(message.job_id, message.token) for message in messages]
        jobs.give_back(connection, tickets, timedelta(seconds=1))
        hints.ring(connection)
