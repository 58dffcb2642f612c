"""Templates become answers: everything in them is escaped, nothing in them is undefined."""

from functools import cache
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.web import charts, words
from api.web.edition import edition
from darkroom.domain.figures import duration, money, plural, volume
from darkroom.domain.ids import BATCH, FILE, IMAGE, JOB, shown
from darkroom.domain.problem import clipped

FRAGMENT = "x-fragment"
"""The header with which a script asks for a part of a page."""


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """An answer made of this template."""
    return HTMLResponse(rendered(template, visitor=request.state.visitor, **context), status)


def rendered(template: str, **context: Any) -> str:
    """The text of a template."""
    return _environment().get_template(template).render(**context)


def wants_fragment(request: Request) -> bool:
    """Whether a script asks, that has the rest of the page already."""
    return FRAGMENT in request.headers


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": money,
        "duration": duration,
        "volume": volume,
        "plural": plural,
        "clipped": clipped,
        "count": "{:,}".format,
        "path": lambda name: quote(name, safe=""),
        "batch_id": lambda key: shown(BATCH, key),
        "file_id": lambda key: shown(FILE, key),
        "job_id": lambda key: shown(JOB, key),
        "image_id": lambda image: f"{shown(IMAGE, image.attempt_id)}-{image.index}",
    }
    environment.globals |= {
        "words": words,
        "charts": charts,
        "place_of": words.place_of,
        "static": f"/static/{edition()}",
    }
    return environment
