"""A rehearsal: what a first call asks of the database is asked once for nobody, when the worker starts."""

from darkroom.store.reservations import Claim
from worker.tools import Tools

NOBODY = 0
"""The id of no job."""


def rehearse(tools: Tools) -> int:
    """Leaves connections open and statements compiled, so that the first calls of a night go out at once."""
    tools.tellers.tickets.ask((NOBODY, 0))
    for name in tools.upstreams:
        tools.tellers.begins.ask(Claim(tools.new_id(), NOBODY, 0, tools.name, name))
    return len(tools.upstreams)
