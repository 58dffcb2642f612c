"""Who looks at a page: a session that stands for an API key, kept by the browser as a cookie."""

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Annotated

from fastapi import Depends, Request, Response

from api.auth import Caller, Scope
from api.instruments import Instruments
from api.refusals import Forbidden, Unauthenticated
from darkroom.store import keys, sessions
from darkroom.store.keys import ApiKey

COOKIE = "darkroom_session"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person: a caller, and what to call the key."""

    caller: Caller
    key_name: str

    @property
    def project_id(self) -> str:
        return self.caller.project_id

    @property
    def may_control(self) -> bool:
        """Whether there is any use in showing a button."""
        return any(scope.covers(Scope.SUBMIT) for scope in self.caller.scopes)


def visitor_of(request: Request) -> Visitor | None:
    """Whoever the cookie stands for; None where there is none, or its session or key has ended."""
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    tools: Instruments = request.app.state.instruments
    with tools.transaction() as connection:
        key = sessions.holder(connection, secret)
    return None if key is None else _visitor(key)


def _visitor(key: ApiKey) -> Visitor:
    return Visitor(Caller(key.project_id, tuple(Scope(scope) for scope in key.scopes)), key.name)


async def _reading(request: Request) -> Visitor:
    visitor: Visitor | None = request.state.visitor
    if visitor is None:
        raise Unauthenticated("not_signed_in", "sign in first")
    visitor.caller.require(Scope.READ)
    return visitor


async def _submitting(request: Request) -> Visitor:
    visitor = await _reading(request)
    visitor.caller.require(Scope.SUBMIT)
    return visitor


Reading = Annotated[Visitor, Depends(_reading)]
Submitting = Annotated[Visitor, Depends(_submitting)]


def sign_in(tools: Instruments, secret: str) -> str:
    """A new session for whoever holds this API key.

    Raises:
        Unauthenticated: It is no key, or one whose time is over.
    """
    ticket = token_urlsafe(SECRET_BYTES)
    with tools.transaction() as connection:
        key = keys.find(connection, secret)
        if key is None:
            raise Unauthenticated(
                "key_unknown", "this API key is not known here, was revoked, or has expired"
            )
        sessions.open_session(connection, key.id, ticket)
    return ticket


def follow_link(tools: Instruments, token: str) -> str:
    """A new session for whoever holds a link that nobody has used yet.

    Raises:
        Unauthenticated: The link was used, or has run out.
    """
    ticket = token_urlsafe(SECRET_BYTES)
    with tools.transaction() as connection:
        key_id = sessions.redeem(connection, token)
        if key_id is None:
            raise Unauthenticated(
                "link_used", "this link was used already, or has run out; sign in with a key"
            )
        sessions.open_session(connection, key_id, ticket)
    return ticket


def sign_out(tools: Instruments, request: Request) -> None:
    """Ends the session of this browser."""
    if secret := request.cookies.get(COOKIE):
        with tools.transaction() as connection:
            sessions.close_session(connection, secret)


def hand_over(response: Response, request: Request, ticket: str) -> None:
    """Gives the browser its ticket: no script reads it, no other site's link carries it."""
    response.set_cookie(
        COOKIE,
        ticket,
        max_age=int(sessions.SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def require_same_site(request: Request) -> None:
    """Lets a form of ours through, and no other site's.

    A browser says where a form stands, in Sec-Fetch-Site or at least in Origin; who says neither is none.

    Raises:
        Forbidden: It stands elsewhere.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "").partition("://")[2]
    ours = site == "same-origin" if site else bool(origin) and origin == request.headers.get("host")
    if not ours:
        raise Forbidden("other_site", "this form was sent by another site; nothing was done")
