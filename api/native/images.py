"""Images: the bytes as they were received, or in small, for as long as a cache likes to keep them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from api.control import owned_image
from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.native.bodies import A_DAY, Body
from api.native.examples import IMAGE_LINK, shows
from api.native.links import LONGEST, PARAMETERS, LinkedRoute, seconds_left
from api.ranges import is_same
from api.refusals import Missing
from api.thumbnails import MEDIA_TYPE
from darkroom.domain.request import EXTENSION_OF
from darkroom.pictures import NotAPicture
from darkroom.store.insights import ImageView
from darkroom.store.session import now_at

FOREVER = 31_536_000

router = APIRouter(
    prefix="/images", tags=["images"], route_class=LinkedRoute, dependencies=[bearer]
)


class ImageLinkIn(Body):
    """How long a link is to be good."""

    model_config = ConfigDict(json_schema_extra=shows({"expires_in": A_DAY}))

    expires_in: Annotated[StrictInt, Field(ge=1, le=LONGEST)] = Field(
        default=A_DAY, description="Seconds; a week at most."
    )


class ImageLinkOut(BaseModel):
    """Links that show an image, whole and in small, to whoever has them."""

    model_config = ConfigDict(json_schema_extra=shows(IMAGE_LINK))

    url: str = Field(description="Append it to the address of this server.")
    thumbnail_url: str
    expires_at: datetime


def _image(tools: Tools, caller: Reader, image_id: str) -> ImageView:
    with tools.transaction() as connection:
        return owned_image(connection, caller.project_id, image_id)


Image = Annotated[ImageView, Depends(_image)]
Known = Annotated[str | None, Header(alias="if-none-match")]


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
    openapi_extra={"parameters": PARAMETERS},
)
def show(
    request: Request, tools: Tools, image: Image, image_id: str, if_none_match: Known = None
) -> Response:
    """Fetch the bytes of an image, with a key or by a signed link."""
    headers = {"ETag": f'"{image.sha256}"', "Cache-Control": _kept(request)}
    if is_same(if_none_match, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    chunks: Iterator[bytes] = tools.blobs.read(image.sha256)
    name = f"{image_id}.{EXTENSION_OF.get(image.format, image.format)}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    headers["Content-Length"] = str(image.bytes)
    return StreamingResponse(chunks, media_type=f"image/{image.format}", headers=headers)


@router.get(
    "/{image_id}/thumbnail",  # noqa: FAST003 - the dependency takes the id
    operation_id="getThumbnail",
    summary="Fetch an image in small",
    response_class=Response,
    responses={
        200: {"description": "The thumbnail.", "content": {MEDIA_TYPE: {}}},
        304: {"description": "As in your cache."},
        **documented(401, 403, 404, 410, 422, 503),
    },
    openapi_extra={"parameters": PARAMETERS},
)  # fmt: skip
async def thumbnail(
    request: Request, tools: Tools, image: Image, if_none_match: Known = None
) -> Response:
    """Fetch an image in small, as WebP, with a key or by a signed link."""
    headers = {"ETag": f'"{image.sha256[:32]}-s"', "Cache-Control": _kept(request)}
    if is_same(if_none_match, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    small = await tools.thumbnails.of(image.sha256)
    if isinstance(small, NotAPicture):
        raise Missing("picture in image", image.sha256[:12])
    return Response(small, media_type=MEDIA_TYPE, headers=headers)


@router.post(
    "/{image_id}/links",
    operation_id="linkImage",
    summary="Make a link to an image",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 401, 403, 404, 408, 410, 422, 503),
)
def link(
    tools: Tools, caller: Reader, image_id: str, body: ImageLinkIn | None = None
) -> ImageLinkOut:
    """Make a link that shows an image to whoever has it, until it expires; it cannot be taken back."""
    _image(tools, caller, image_id)
    path = f"/api/v1/images/{image_id}"
    with tools.transaction() as connection:
        until = now_at(connection) + timedelta(seconds=(body or ImageLinkIn()).expires_in)
        urls = [tools.signatures.link(connection, one, until) for one in _both(path)]
    return ImageLinkOut(url=urls[0], thumbnail_url=urls[1], expires_at=until)


def _both(path: str) -> tuple[str, str]:
    return path, f"{path}/thumbnail"


def _kept(request: Request) -> str:
    """For good; what was got by a link, no longer than that is good."""
    left = seconds_left(request)
    return f"private, max-age={FOREVER if left is None else left}, immutable"
