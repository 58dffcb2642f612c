"""The end of a batch: what must no longer be begun is swept, and what has no open job is ended."""

from darkroom.store import batches, hints, jobs
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import transaction
from darkroom.telemetry.logs import logger
from worker.budget import announce
from worker.tools import Tools

CHUNK = 5_000


def finalize(tools: Tools) -> int:
    """Sweeps a chunk of every batch that is cancelled or too late, and ends batches; counts what it moved."""
    with transaction(tools.engine) as connection:
        if not try_lock(connection, Duty.FINALIZE):
            return 0
        swept = 0
        for batch_id, expired in batches.to_sweep(connection):
            sweep = jobs.expire if expired else jobs.cancel
            swept += sweep(connection, batch_id, CHUNK)
    with transaction(tools.engine) as connection:
        finalizing = batches.finalize(connection)
    announce(tools)
    with transaction(tools.engine) as connection:
        ended = batches.complete(connection)
        if ended:
            hints.ring(connection)
    for batch_id in ended:
        logger("worker").info("a batch has ended", action="end_batch", batch_id=batch_id.hex)
    if swept >= CHUNK:
        tools.wake.set()
    return swept + finalizing + len(ended)
