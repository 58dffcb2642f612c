"""The system: what does the work, how well it is, and how much waits for it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.deps import Tools
from api.health import checked
from api.instruments import Instruments
from api.native.events import RETRY_MS, followed
from api.native.providers import ProviderOut, standings
from api.web.pages import page, rendered
from api.web.route import PageRoute
from api.web.visitor import Reading
from darkroom.store import machinery
from darkroom.store.machinery import Depth, WorkerView
from darkroom.store.session import Connection, StoreAway

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works, and how much of a project's work there is: what moves while anything does."""

    workers: Sequence[WorkerView]
    depth: Depth


@dataclass(frozen=True, slots=True)
class SystemShown:
    """The system as its page shows it."""

    checks: Mapping[str, str]
    workers: Sequence[WorkerView]
    depth: Depth
    providers: Sequence[ProviderOut]


def _crew(connection: Connection, project_id: str) -> Crew:
    return Crew(machinery.worker_views(connection), machinery.depth(connection, project_id))


def _shown(tools: Instruments, project_id: str) -> SystemShown:
    """Raises StoreAway."""
    checks, _ = checked(tools)
    with tools.transaction() as connection:
        crew = _crew(connection, project_id)
    return SystemShown(checks, crew.workers, crew.depth, standings(tools, project_id))


@router.get("/system")
def system(request: Request, tools: Tools, visitor: Reading) -> Response:
    """Show workers, providers, queue and what all stands on."""
    shown = _shown(tools, visitor.project_id)
    return page(request, "system.html", shown=shown, flower_url=tools.flower_url)


@router.get("/system/stream", response_class=EventSourceResponse)
async def watch_system(
    tools: Tools, visitor: Reading, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """Follow the system at the beat of its workers; what may hang is asked away from the feeds' one thread."""
    project_id = visitor.project_id

    def load(connection: Connection) -> Crew:
        return _crew(connection, project_id)

    async for version in followed(tools, ("system", project_id), load, last_event_id):
        try:
            shown = await run_in_threadpool(_shown, tools, project_id)
        except StoreAway:  # whoever watches comes back, and is told so
            return
        html = rendered("system_live.html", shown=shown)
        yield ServerSentEvent(raw_data=html, event="page", id=version.name, retry=RETRY_MS)
