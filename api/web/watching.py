"""What the pages watch: a batch with its pace and its failures, and the first page of a project's batches."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.deps import Tools
from api.feeds import Version
from api.instruments import Instruments
from api.names import batch_key
from api.native.events import RETRY_MS, followed
from api.refusals import Missing
from api.web.pages import rendered
from api.web.route import PageRoute
from api.web.visitor import Reading, Visitor
from darkroom.domain.ids import BATCH, shown
from darkroom.domain.report import FailureGroup
from darkroom.store import insights
from darkroom.store.diagnosis import failure_groups
from darkroom.store.insights import BatchView
from darkroom.store.pace import Pace, pace
from darkroom.store.session import Connection

BATCHES = 20
"""On one page of the list."""

RENDERED = 256
"""Versions whose pages are kept for the next who watches the same."""

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class BatchShown:
    """One batch as its page shows it."""

    view: BatchView
    pace: Pace | None
    failures: tuple[FailureGroup, ...]


@dataclass(frozen=True, slots=True)
class BatchesShown:
    """A page of the list, the pace of those at work beside each; `more` where older ones follow."""

    batches: tuple[BatchShown, ...]
    more: bool


def batch_shown(connection: Connection, project_id: str, batch_id: UUID) -> BatchShown:
    """A batch for its page.

    Raises:
        Missing: The project has none such.
    """
    view = insights.batch(connection, project_id, batch_id)
    if view is None:
        raise Missing("batch", shown(BATCH, batch_id))
    family = (view.id, *view.retries)
    failures = failure_groups(connection, family) if view.counts.failed else []
    return BatchShown(view, pace(connection, family), tuple(failures))


def batches_shown(
    connection: Connection, project_id: str, after: UUID | None = None
) -> BatchesShown:
    """A page of the list."""
    views = insights.page(connection, project_id, BATCHES + 1, after)
    shown = (
        BatchShown(view, None if view.ended else pace(connection, (view.id, *view.retries)), ())
        for view in views[:BATCHES]
    )
    return BatchesShown(tuple(shown), len(views) > BATCHES)


@dataclass(frozen=True, slots=True)
class _Seat:
    """A batch that a visitor may watch."""

    tools: Instruments
    visitor: Visitor
    batch_id: UUID

    def load(self, connection: Connection) -> BatchShown:
        return batch_shown(connection, self.visitor.project_id, self.batch_id)


def _seat(tools: Tools, visitor: Reading, batch_id: str) -> _Seat:
    seat = _Seat(tools, visitor, batch_key(batch_id))
    with tools.transaction() as connection:
        seat.load(connection)
    return seat


@router.get("/stream", response_class=EventSourceResponse)
async def watch_batches(
    tools: Tools, visitor: Reading, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """Follow the list."""
    project_id = visitor.project_id

    def load(connection: Connection) -> BatchesShown:
        return batches_shown(connection, project_id)

    async for version in followed(tools, ("list", project_id), load, last_event_id):
        yield _event(version, batches_live)


@router.get("/batches/{batch_id}/stream", response_class=EventSourceResponse)
async def watch_batch(
    seat: Annotated[_Seat, Depends(_seat)],
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a batch."""
    key = ("page", seat.visitor.project_id, seat.batch_id)
    live = batch_live if seat.visitor.may_control else batch_live_for_readers
    async for version in followed(seat.tools, key, seat.load, last_event_id):
        yield _event(version, live)


@router.get("/batches/{batch_id}/gallery/stream", response_class=EventSourceResponse)
async def watch_gallery(
    seat: Annotated[_Seat, Depends(_seat)],
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow the images of a batch."""
    key = ("page", seat.visitor.project_id, seat.batch_id)
    async for version in followed(seat.tools, key, seat.load, last_event_id):
        yield _event(version, gallery_live)


def _event(version: Version, live: Callable[[Version], str]) -> ServerSentEvent:
    return ServerSentEvent(raw_data=live(version), event="page", id=version.name, retry=RETRY_MS)


@lru_cache(RENDERED)
def batches_live(version: Version) -> str:
    """The part of the list that moves."""
    return rendered("batches_live.html", shown=version.value)


@lru_cache(RENDERED)
def batch_live(version: Version) -> str:
    """The part of a batch's page that moves, with its buttons."""
    return rendered("batch_live.html", shown=version.value, may_control=True)


@lru_cache(RENDERED)
def batch_live_for_readers(version: Version) -> str:
    """The part of a batch's page that moves, without a button."""
    return rendered("batch_live.html", shown=version.value, may_control=False)


@lru_cache(RENDERED)
def gallery_live(version: Version) -> str:
    """The part of a gallery that moves, above its frames."""
    return rendered("strip_live.html", view=version.value.view)
