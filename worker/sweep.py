"""The sweep: what was kept for long enough and is needed no longer."""

from darkroom.retention import Freed, collect
from darkroom.store import idempotency
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import transaction
from darkroom.telemetry.logs import logger
from worker.tools import Tools

_EVERY_SECONDS = 3600.0


def sweep(tools: Tools) -> int:
    """Once an hour, drops what retention says and what crashes left in the storage; counts what it dropped."""
    if tools.stopwatch() - tools.holdings.swept_at < _EVERY_SECONDS:
        return 0
    tools.holdings.swept_at = tools.stopwatch()
    with transaction(tools.engine) as connection:
        mine = try_lock(connection, Duty.SWEEP)
        if mine:
            idempotency.sweep(connection)
    if not mine:
        return 0
    freed = _collected(tools)
    if freed.number or freed.bytes:
        logger("worker").info(
            "what was kept for long enough is gone",
            action="collect",
            images=freed.images,
            files=freed.files,
            answers=freed.answers,
            events=freed.events,
            bytes=freed.bytes,
        )
    return freed.number + tools.blobs.sweep()


def _collected(tools: Tools) -> Freed:
    freed = last = collect(tools.engine, tools.blobs, tools.retention)
    while last.number or last.bytes:
        last = collect(tools.engine, tools.blobs, tools.retention)
        freed += last
    return freed
