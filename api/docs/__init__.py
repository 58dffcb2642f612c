"""The API's documentation for people, from files of our own: the page asks no other host for anything."""

from importlib.resources import as_file, files
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load and do; styles stand in its elements."""

router = APIRouter(include_in_schema=False)


def _file(name: str, **headers: str) -> Response:
    with as_file(files("api.docs") / "static" / name) as path:
        return FileResponse(Path(path), headers=headers)


@router.get("/docs")
def page() -> Response:
    """Show the documentation."""
    return _file("docs.html", **{"Content-Security-Policy": CONTENT_POLICY})


@router.get("/docs/rapidoc.js")
def script() -> Response:
    """Send the script that draws the page; its licence stands beside it."""
    return _file("rapidoc.js", **{"Cache-Control": "public, max-age=86400"})
