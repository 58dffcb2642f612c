"""Events: a batch as it changes, for as long as somebody listens."""

from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api import control
from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.feeds import Load, Version
from api.instruments import Instruments
from api.names import batch_key
from api.native.views import BatchOut
from api.route import GuardedRoute
from darkroom.store import insights
from darkroom.store.session import Connection

STREAM_SECONDS = 600
"""Then the listener comes back and its key is looked at again."""

RETRY_MS = 2000

router = APIRouter(tags=["batches"], route_class=GuardedRoute, dependencies=[bearer])


@dataclass(frozen=True, slots=True)
class Watched:
    """A batch that its caller may watch."""

    tools: Instruments
    project_id: str
    batch_id: UUID

    def load(self, connection: Connection) -> insights.BatchView | None:
        return insights.batch(connection, self.project_id, self.batch_id)


def _watched(tools: Tools, caller: Reader, batch_id: str) -> Watched:
    """Looks before the stream begins: after that there is no other answer."""
    with tools.transaction() as connection:
        view = control.owned_batch(connection, caller.project_id, batch_key(batch_id))
    return Watched(tools, caller.project_id, view.id)


@router.get(
    "/batches/{batch_id}/events",
    operation_id="followBatch",
    summary="Follow a batch",
    response_class=EventSourceResponse,
    responses=documented(401, 403, 404, 422, 503),
)
async def events(
    watched: Annotated[Watched, Depends(_watched)],
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a batch: `batch` events carry it whole, at most two a second; `ended` is the last.

    Every event is complete, so that whoever was away needs the latest alone: send its id as `Last-Event-ID` and
    nothing comes until it has changed. The stream ends after ten minutes; come back then.
    """
    key = ("batch", watched.project_id, watched.batch_id)
    async for version in followed(watched.tools, key, watched.load, last_event_id):
        view = version.value
        yield _event(version)
        if view is None or view.ended:
            return


def _event(version: Version) -> ServerSentEvent:
    if version.value is None:
        return ServerSentEvent(event="gone", id=version.name, retry=RETRY_MS)
    name = "ended" if version.value.ended else "batch"
    return ServerSentEvent(
        data=BatchOut.of(version.value), event=name, id=version.name, retry=RETRY_MS
    )


async def followed(
    tools: Instruments, key: Hashable, load: Load, seen: str | None
) -> AsyncGenerator[Version, None]:
    """The versions of a watched thing, for ten minutes at most."""
    async with aclosing(tools.feeds.versions(key, load, seen, STREAM_SECONDS)) as versions:
        async for version in versions:
            yield version
