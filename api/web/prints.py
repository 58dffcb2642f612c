"""One job at a time: its images, small and whole, and everything that is known of how it was made."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse

from api.control import owned_image
from api.deps import Tools
from api.names import job_key
from api.refusals import Missing
from api.thumbnails import MEDIA_TYPE
from api.web.pages import page, wants_fragment
from api.web.route import PageRoute
from api.web.visitor import Reading
from darkroom.domain.naming import stem
from darkroom.domain.request import EXTENSION_OF
from darkroom.pictures import NotAPicture
from darkroom.store import insights
from darkroom.store.insights import ImageView

KEPT = "private, max-age=31536000, immutable"
INERT = "default-src 'none'; sandbox"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/jobs/{job_id}")
def job(request: Request, tools: Tools, visitor: Reading, job_id: str) -> Response:
    """Show a job: image, prompt, parameters, attempts, cost."""
    with tools.transaction() as connection:
        view = insights.job(connection, visitor.project_id, job_key(job_id))
        if view is None:
            raise Missing("job", job_id)
        attempts = insights.job_attempts(connection, view.id)
    template = "job_detail.html" if wants_fragment(request) else "job.html"
    return page(
        request, template, job=view, attempts=attempts, judgement=view.verdict, told=None,
        may_control=visitor.may_control,
    )  # fmt: skip


def _image(tools: Tools, visitor: Reading, image_id: str) -> ImageView:
    with tools.transaction() as connection:
        return owned_image(connection, visitor.project_id, image_id)


Image = Annotated[ImageView, Depends(_image)]
Known = Annotated[str | None, Header(alias="if-none-match")]


@router.get("/images/{image_id}/thumbnail")  # noqa: FAST003 - the dependency takes the id
async def thumbnail(tools: Tools, image: Image, known: Known = None) -> Response:
    """Send an image in small."""
    headers = {"ETag": f'"{image.sha256[:32]}-s"', "Cache-Control": KEPT}
    if known == headers["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    small = await tools.thumbnails.of(image.sha256)
    if isinstance(small, NotAPicture):
        raise Missing("picture in image", image.sha256[:12])
    return Response(small, media_type=MEDIA_TYPE, headers=headers)


@router.get("/images/{image_id}")  # noqa: FAST003 - the dependency takes the id
def original(
    tools: Tools, image: Image, name: str = "", *, download: bool = False, known: Known = None
) -> Response:
    """Send the bytes as the provider sent them, to be looked at or, with `download`, to be kept."""
    headers = {
        "ETag": f'"{image.sha256}"',
        "Cache-Control": KEPT,
        "Content-Security-Policy": INERT,
    }
    if known == headers["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    chunks: Iterator[bytes] = tools.blobs.read(image.sha256)
    headers["Content-Length"] = str(image.bytes)
    if download:
        file = f"{stem(name or image.sha256[:12])}.{EXTENSION_OF.get(image.format, image.format)}"
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file, safe='')}"
    return StreamingResponse(chunks, media_type=f"image/{image.format}", headers=headers)
