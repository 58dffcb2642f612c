"""The end of a batch: what must no longer be begun is swept, and what has no open job is ended."""

from math import ceil

from darkroom.store import endings, hints, jobs
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import transaction
from darkroom.telemetry.logs import logger
from worker.budget import announce
from worker.tools import Tools

CHUNK = 5_000
"""Jobs that are swept in one go, of all batches together: what others wait for is never held for long."""


def finalize(tools: Tools) -> int:
    """Sweeps what is cancelled or too late, a chunk at a time, and ends batches; counts what it moved."""
    swept = _swept(tools)
    with transaction(tools.engine) as connection:
        finalizing = endings.finalize(connection)
    announce(tools)
    with transaction(tools.engine) as connection:
        ended = endings.complete(connection)
        if ended:
            hints.ring(connection)
    for batch_id in ended:
        logger("worker").info("a batch has ended", action="end_batch", batch_id=batch_id.hex)
    if swept:
        tools.wake.ring()
    return swept + finalizing + len(ended)


def _swept(tools: Tools) -> int:
    """A share of the chunk of every batch that has something to sweep, each in a transaction of its own."""
    with transaction(tools.engine) as connection:
        waiting = endings.to_sweep(connection)
    swept, share = 0, ceil(CHUNK / max(len(waiting), 1))
    for batch_id, expired in waiting:
        with transaction(tools.engine) as connection:
            if swept >= CHUNK or not try_lock(connection, Duty.FINALIZE):
                break
            sweep = jobs.expire if expired else jobs.cancel
            swept += sweep(connection, batch_id, share)
    return swept
