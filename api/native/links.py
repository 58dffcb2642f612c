"""Routes that show an image to whoever holds a signed link to it, as they do to whoever holds a key."""

from datetime import UTC, datetime, timedelta

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.auth import Caller, Scope
from api.instruments import Instruments
from api.names import image_key
from api.refusals import Forbidden, Missing
from api.route import GuardedRoute
from api.signatures import EXPIRES, SIGNATURE
from darkroom.store import insights
from darkroom.store.session import now_at

LONGEST = 7 * 24 * 3600
"""Seconds that a link may be good."""

PARAMETERS = [
    {
        "name": name,
        "in": "query",
        "required": False,
        "schema": {"type": "string"},
        "description": said,
    }
    for name, said in (
        (EXPIRES, "Of a signed link, which needs no key: until when it is good."),
        (SIGNATURE, "Of a signed link."),
    )
]
"""For the document: `LinkedRoute` itself reads them."""


class LinkedRoute(GuardedRoute):
    """A guarded route that lets in whoever holds a link to it; a key in the header comes first."""

    async def caller(self, request: Request) -> Caller:
        """Whoever holds the key, or a reader of the project whose image the link is for.

        Raises:
            Unauthenticated: There is neither.
            Forbidden: The link is not ours, or has expired.
            Missing: The image is gone.
        """
        linked = request.method == "GET" and SIGNATURE in request.query_params
        if linked and "authorization" not in request.headers:
            return await run_in_threadpool(_holder, request)
        return await super().caller(request)


def _holder(request: Request) -> Caller:
    tools: Instruments = request.app.state.instruments
    asked, image_id = request.query_params, request.path_params["image_id"]
    expires, signature = asked.get(EXPIRES, ""), asked[SIGNATURE]
    with tools.transaction() as connection:
        path = request.url.path
        if not tools.signatures.is_ours(connection, path, expires, signature):
            raise Forbidden("link_not_valid", "this link was not made here, or was changed")
        until = datetime.fromtimestamp(int(expires), UTC)
        left = until - now_at(connection)
        if left <= timedelta(0):
            raise Forbidden("link_expired", "this link has expired; ask for another")
        owner = insights.image_owner(connection, *image_key(image_id))
    if owner is None:
        raise Missing("image", image_id)
    request.state.seconds_left = int(left.total_seconds())
    return Caller(owner, (Scope.READ,))


def seconds_left(request: Request) -> int | None:
    """How long the link is good that let this request in; None where a key did."""
    left: int | None = getattr(request.state, "seconds_left", None)
    return left
