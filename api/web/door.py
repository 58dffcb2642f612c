"""The door: signing in with a key or a link, and out again."""

from http import HTTPStatus
from secrets import token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from api.auth import secret_in
from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.refusals import Unauthenticated
from api.route import GuardedRoute
from api.web.pages import page
from api.web.route import OpenRoute
from api.web.visitor import COOKIE, SECRET_BYTES, follow_link, hand_over, sign_in, sign_out
from darkroom.store import keys, sessions

KEY_LENGTH = 200

router = APIRouter(route_class=OpenRoute, include_in_schema=False)
links = APIRouter(tags=["keys"], route_class=GuardedRoute, dependencies=[bearer])


class LinkOut(BaseModel):
    """A link that signs a browser in, once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"path": "/login?token=Zk3v…", "expires_in": 60}]}
    )

    path: str = Field(
        description="Append it to the address of this server.", examples=["/login?token=…"]
    )
    expires_in: int = Field(description="Seconds.")


@links.post(
    "/logins",
    operation_id="createLogin",
    summary="Make a link that signs in",
    status_code=HTTPStatus.CREATED,
    responses=documented(401, 403, 503),
)
def offer(request: Request, tools: Tools, caller: Reader) -> LinkOut:
    """Make a link that signs one browser in with the rights of this key."""
    token = token_urlsafe(SECRET_BYTES)
    with tools.transaction() as connection:
        key = keys.find(connection, secret_in(request.headers.get("authorization")))
        if key is None or key.project_id != caller.project_id:
            raise Unauthenticated("key_unknown", "this API key was revoked")
        sessions.offer_link(connection, key.id, token)
    life = int(sessions.LINK_LIFE.total_seconds())
    return LinkOut(path=f"/login?token={token}", expires_in=life)


@router.get("/login")
def door(request: Request, tools: Tools, token: str | None = None, next: str = "/") -> Response:  # noqa: A002 - it stands in the address
    """Show the form; a link that is good opens at once.

    The answer to a link is a page that goes on by itself: a redirect of a visit that began on another site
    would not carry the new cookie.
    """
    if token is None:
        return page(request, "login.html", refusal=None, following=_inside(next))
    response = page(request, "welcome.html")
    hand_over(response, request, follow_link(tools, token))
    return response


@router.post("/login")
def enter(
    request: Request,
    tools: Tools,
    key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - it stands in the form
) -> Response:
    """Open a session for whoever has a key."""
    ticket = sign_in(tools, key.strip()[:KEY_LENGTH])
    response = RedirectResponse(_inside(next), HTTPStatus.SEE_OTHER)
    hand_over(response, request, ticket)
    return response


@router.post("/logout")
def leave(request: Request, tools: Tools) -> Response:
    """End the session."""
    sign_out(tools, request)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE)
    return response


def _inside(path: str) -> str:
    r"""A path of this server, whatever was asked for.

    >>> _inside("/batches/x"), _inside("//evil.example"), _inside("https://evil.example"), _inside("/\\evil")
    ('/batches/x', '/', '/', '/')
    """
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
