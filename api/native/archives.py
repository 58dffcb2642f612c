"""Archives: a batch's images and their manifest in one file, resumable."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api import archive, control
from api.archive import Wish
from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.names import batch_key
from api.ranges import is_same, part
from api.route import GuardedRoute
from darkroom.domain.layout import USUAL

router = APIRouter(
    prefix="/batches/{batch_id}",
    tags=["batches"],
    route_class=GuardedRoute,
    dependencies=[bearer],
)


class ArchiveQuery(BaseModel):
    """How the archive is to be."""

    names: str = Field(
        USUAL,
        max_length=1000,
        description="Where each image goes: {custom_id}, {sku}, {variant}, {line}, {index}, {ext}.",
        examples=["{sku}/{variant}.{ext}"],
    )
    accept_mismatch: bool = Field(
        default=False, description="Images of another size or format than asked, too."
    )


class Conditions(BaseModel):
    """Which part of it, and what is there already."""

    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None


@router.get(
    "/archive",
    operation_id="getArchive",
    summary="Fetch a batch as a ZIP archive",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The archive.", "content": {"application/zip": {}}},
        206: {"description": "The part that was asked for."},
        304: {"description": "As in your cache."},
        **documented(401, 403, 404, 409, 410, 416, 422, 503),
    },
)
def show(
    tools: Tools,
    caller: Reader,
    batch_id: str,
    asked: Annotated[ArchiveQuery, Query()],
    when: Annotated[Conditions, Header()],
) -> Response:
    """Fetch the images of a batch that has ended, with manifest.csv, as one ZIP archive.

    The same batch and names give the same bytes, so that a download goes on with Range and If-Range.
    """
    wish = Wish.of(asked.names, accept_mismatch=asked.accept_mismatch)
    with tools.transaction() as connection:
        view = control.owned_batch(connection, caller.project_id, batch_key(batch_id))
    archive.require_ended(view)
    tag = wish.tag(view)
    if is_same(when.if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    made = archive.opened(tools, view, wish)
    wanted = part(when.range, made.size) if when.if_range in (None, tag) else None
    start, end = wanted or (0, made.size)
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": f'attachment; filename="{batch_id}.zip"',
    }
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{made.size}"
    chunks: Iterator[bytes] = made.read(start, end)
    status = HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK
    return StreamingResponse(chunks, status, headers=headers, media_type="application/zip")
