"""The end of a catalog's night: what arrived becomes its current version, all at once."""

from darkroom.store import hints, nights
from darkroom.store.hints import About
from darkroom.store.locks import Duty, try_lock
from darkroom.store.session import transaction
from darkroom.telemetry.logs import logger
from worker.tools import Tools


def conclude(tools: Tools) -> int:
    """Concludes every night that is over; counts them."""
    with transaction(tools.engine) as connection:
        if not try_lock(connection, Duty.CONCLUDE):
            return 0
        over = nights.conclude(connection)
        if over:
            hints.ring(connection, About.LISTS, About.JOBS)
    for one in over:
        logger("worker").info(
            "a catalog's night is over",
            action="conclude",
            catalog_id=one.catalog_id.hex,
            version=one.number,
            published=one.published,
        )
    return len(over)
