"""The sweep: what was kept for a while and is needed no longer."""

from datetime import UTC, datetime

from darkroom.domain.answer import KEPT
from darkroom.store import idempotency
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import transaction
from worker import receipts
from worker.tools import Tools

_EVERY_SECONDS = 3600.0


def sweep(tools: Tools) -> int:
    """Once an hour, drops old receipts and what crashes left in the storage; counts what it dropped."""
    if tools.stopwatch() - tools.holdings.swept_at < _EVERY_SECONDS:
        return 0
    tools.holdings.swept_at = tools.stopwatch()
    with transaction(tools.engine) as connection:
        mine = try_lock(connection, Duty.SWEEP)
        if mine:
            idempotency.sweep(connection)
    if not mine:
        return 0
    return receipts.sweep(tools, datetime.now(UTC) - KEPT) + tools.blobs.sweep()
