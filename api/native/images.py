"""Images: the bytes as they were received, for as long as a cache likes to keep them."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.instruments import Instruments
from api.names import image_key
from api.refusals import Missing
from api.route import GuardedRoute
from api.thumbnails import MEDIA_TYPE
from darkroom.domain.request import EXTENSION_OF
from darkroom.pictures import NotAPicture
from darkroom.store import insights
from darkroom.store.insights import ImageView

KEPT = "private, max-age=31536000, immutable"

router = APIRouter(
    prefix="/images", tags=["images"], route_class=GuardedRoute, dependencies=[bearer]
)


@router.get(
    "/{image_id}",
    operation_id="getImage",
    summary="Fetch an image",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The image.", "content": {"image/*": {}}},
        304: {"description": "As in your cache."},
        **documented(401, 403, 404, 410, 422, 503),
    },
)
def show(
    tools: Tools,
    caller: Reader,
    image_id: str,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Fetch the bytes of an image."""
    attempt_id, index = image_key(image_id)
    image = _stored(tools, caller.project_id, attempt_id, index)
    if image is None:
        raise Missing("image", image_id)
    headers = {
        "ETag": f'"{image.sha256}"',
        "Cache-Control": KEPT,
    }
    if _same(if_none_match, image.sha256):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    chunks: Iterator[bytes] = tools.blobs.read(image.sha256)
    name = f"{image_id}.{EXTENSION_OF.get(image.format, image.format)}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    headers["Content-Length"] = str(image.bytes)
    return StreamingResponse(chunks, media_type=f"image/{image.format}", headers=headers)


@router.get(
    "/{image_id}/thumbnail",
    operation_id="getThumbnail",
    summary="Fetch an image in small",
    response_class=Response,
    responses={
        200: {"description": "Within 256 × 256 pixels.", "content": {MEDIA_TYPE: {}}},
        **documented(401, 403, 404, 410, 422, 503),
    },
)
async def thumbnail(tools: Tools, caller: Reader, image_id: str) -> Response:
    """Fetch an image in small, as WebP."""
    attempt_id, index = image_key(image_id)
    image = await run_in_threadpool(_stored, tools, caller.project_id, attempt_id, index)
    small = None if image is None else await tools.thumbnails.of(image.sha256)
    if small is None or isinstance(small, NotAPicture):
        raise Missing("image", image_id)
    return Response(small, media_type=MEDIA_TYPE, headers={"Cache-Control": KEPT})


def _stored(tools: Instruments, project_id: str, attempt_id: UUID, index: int) -> ImageView | None:
    with tools.transaction() as connection:
        return insights.image(connection, project_id, attempt_id, index)


def _same(condition: str | None, sha256: str) -> bool:
    """Whether an If-None-Match names this content.

    https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2

    >>> _same('W/"a", "b"', "b"), _same("*", "b"), _same('"a"', "b"), _same(None, "b")
    (True, True, False, False)
    """
    tags = {tag.strip().removeprefix("W/") for tag in (condition or "").split(",")}
    return "*" in tags or f'"{sha256}"' in tags
