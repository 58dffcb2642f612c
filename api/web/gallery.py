"""The gallery: a batch as a contact sheet, and the latest images of a whole project."""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import control
from api.deps import Tools
from api.names import batch_key, image_key
from api.refusals import Missing
from api.web.filters import Asked, chunk
from api.web.manifest import manifest_of
from api.web.pages import page, wants_fragment
from api.web.route import PageRoute
from api.web.visitor import Reading
from darkroom.domain.ids import BATCH, IMAGE, shown
from darkroom.store import contact_sheet
from darkroom.store.session import Connection

FRAMES = 96
"""In one chunk: a few screens full, loaded before they are reached."""

SIZES = ("1024x1024", "1536x1024", "1024x1536", "2048x2048", "3840x2160", "2160x3840")

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def family_of(connection: Connection, project_id: str, batch_id: str) -> list[UUID]:
    """A batch and its retries.

    Raises:
        Missing: The project has none such.
    """
    family = contact_sheet.family_of(connection, project_id, batch_key(batch_id))
    if not family:
        raise Missing("batch", batch_id)
    return family


@router.get("/batches/{batch_id}/gallery")
def gallery(
    request: Request,
    tools: Tools,
    visitor: Reading,
    batch_id: str,
    asked: Annotated[Asked, Query()],
) -> Response:
    """Show a batch as a contact sheet: every job a frame, developed or not."""
    key = batch_key(batch_id)
    with tools.transaction() as connection:
        family = family_of(connection, visitor.project_id, batch_id)
        found = chunk(connection, family, asked, FRAMES)
        if wants_fragment(request):
            return page(request, "frames_chunk.html", batch_id=key, asked=asked, chunk=found)
        view = control.owned_batch(connection, visitor.project_id, key)
    return page(
        request, "gallery.html", view=view, batch_id=key, asked=asked, chunk=found, sizes=SIZES
    )


@router.get("/images")
def all_images(
    request: Request, tools: Tools, visitor: Reading, asked: Annotated[Asked, Query()]
) -> Response:
    """Show the latest images of the project, whatever their batch."""
    after = image_key(asked.after)[0] if asked.after else None
    with tools.transaction() as connection:
        pile = contact_sheet.pile(
            connection, visitor.project_id, asked.wanted, limit=FRAMES, after=after
        )
    following = f"{shown(IMAGE, pile.following)}-0" if pile.following else None
    template = "prints_chunk.html" if wants_fragment(request) else "images.html"
    return page(
        request, template, asked=asked, prints=pile.prints, following=following, sizes=SIZES
    )


@router.get("/batches/{batch_id}/manifest.csv")
def manifest(tools: Tools, visitor: Reading, batch_id: str) -> Response:
    """Send the list of a batch's images, as it grows."""
    with tools.transaction() as connection:
        family = family_of(connection, visitor.project_id, batch_id)
    name = shown(BATCH, family[0])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    lines: Iterator[str] = manifest_of(tools, family)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
