"""The sweep: what was kept for long enough and is needed no longer."""

from darkroom.retention import Freed, collect
from darkroom.store import idempotency
from darkroom.store.locks import Duty, holding
from darkroom.store.session import transaction
from darkroom.telemetry.logs import logger
from worker.tools import Tools

_EVERY_SECONDS = 3600.0


def sweep(tools: Tools) -> int:
    """Once an hour, drops what retention says and what crashes left in the storage; counts what it dropped.

    One worker at a time, however long it takes.
    """
    if tools.stopwatch() - tools.holdings.swept_at < _EVERY_SECONDS:
        return 0
    tools.holdings.swept_at = tools.stopwatch()
    with holding(tools.engine, Duty.SWEEP) as mine:
        return _swept(tools) if mine else 0


def _swept(tools: Tools) -> int:
    with transaction(tools.engine) as connection:
        idempotency.sweep(connection)
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
