"""Static files, cached for good under a path that changes with their content."""

import mimetypes

from fastapi import APIRouter, Response

from api.refusals import Missing
from api.web.edition import assets, edition
from api.web.route import OpenRoute

FOREVER = "public, max-age=31536000, immutable"

router = APIRouter(prefix="/static", route_class=OpenRoute, include_in_schema=False)


@router.get("/{of}/{name}")
async def asset(of: str, name: str) -> Response:
    """Send one; scripts find each other beside themselves, in the same edition."""
    data = assets().get(name)
    if data is None:
        raise Missing("asset", name)
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"Cache-Control": FOREVER if of == edition() else "no-cache"}
    return Response(data, media_type=media_type, headers=headers)
