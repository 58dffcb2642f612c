"""Takeover: a large retry is given its jobs chunk by chunk, each in a short transaction of its own."""

from darkroom.store import hints, retries
from darkroom.store.batches import Validating
from darkroom.store.session import transaction
from worker.tools import Tools


def take_over(tools: Tools, claim: Validating) -> int:
    """Takes over what a retry still lacks and opens it; counts the jobs.

    Raises:
        IngestLost: somebody else does this now, or the retry was cancelled.
    """
    taken, chunk = 0, retries.CHUNK
    while chunk == retries.CHUNK:
        with transaction(tools.engine) as connection:
            chunk = retries.take_over(connection, claim, retries.CHUNK)
            hints.ring(connection)
        taken += chunk
    return taken
