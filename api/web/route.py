"""A route that answers people: it knows its visitor, minds its headers, and refuses in words on a page."""

from http import HTTPStatus
from typing import ClassVar
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from api.refusals import (
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    Refusal,
    Unauthenticated,
)
from api.route import BoundedRequest, Handler
from api.web.pages import page
from api.web.visitor import require_same_site, visitor_of
from darkroom.blobs import BlobMissing, StorageFailed
from darkroom.store.session import StoreAway
from darkroom.telemetry.logs import logger

SAFE = frozenset({"GET", "HEAD"})
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "img-src 'self' blob:; object-src 'none'"
)
FORM_BYTES = 4_000_000
"""Of the fields of a form, a pasted prompt list among them."""

_STATUS = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Missing: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
}


class PageRoute(APIRoute):
    """A page of the signed-in; whoever is not is led to the door and back."""

    signed_in: ClassVar[bool] = True
    uploads: ClassVar[bool] = False

    def get_route_handler(self) -> Handler:
        """The handler, between the look at the visitor and the words for a refusal."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            request.state.visitor = None
            try:
                response = await self._admitted(request, handle)
            except Unauthenticated as error:
                response = _to_the_door(request, error)
            except Refusal as error:
                response = refusal_page(request, _STATUS[type(error)], error)
            except RequestValidationError:
                response = _plain(
                    request, HTTPStatus.UNPROCESSABLE_ENTITY, "that cannot be asked for"
                )
            except BlobMissing:
                response = _plain(
                    request, HTTPStatus.GONE, "its bytes are no longer in the storage"
                )
            except (StoreAway, StorageFailed) as error:
                logger("api").warning("unavailable", action="answer", reason=str(error))
                words = "the database or the storage cannot be used at the moment; try again"
                response = _plain(request, HTTPStatus.SERVICE_UNAVAILABLE, words)
            _mind(response)
            return response

        return answered

    async def _admitted(self, request: Request, handle: Handler) -> Response:
        if request.method not in SAFE:
            require_same_site(request)
        request.state.visitor = await run_in_threadpool(visitor_of, request)
        if self.signed_in and request.state.visitor is None:
            raise Unauthenticated("not_signed_in", "sign in first")
        bounded = BoundedRequest(request.scope, request.receive)
        upload = request.app.state.instruments.upload_bytes if self.uploads else 0
        bounded.limit = FORM_BYTES + upload
        return await handle(bounded)


class OpenRoute(PageRoute):
    """A page for everybody: the door itself."""

    signed_in = False


class UploadPageRoute(PageRoute):
    """A page whose form may carry a file."""

    uploads = True


def _mind(response: Response) -> None:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("X-Frame-Options", "DENY")


def _to_the_door(request: Request, error: Unauthenticated) -> Response:
    """To the sign-in page and, where somebody only wanted to look, back here after it."""
    if request.method in SAFE and request.url.path != "/login":
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(here, safe='')}", HTTPStatus.SEE_OTHER)
    return page(
        request, "login.html", status=HTTPStatus.UNAUTHORIZED, refusal=error.detail, following="/"
    )


def refusal_page(request: Request, status: int, error: Refusal) -> Response:
    """A page that says why, with every place that is wrong."""
    faults = [fault.detail for fault in error.faults] if isinstance(error, Invalid) else []
    return page(
        request, "problem.html", status=status, title=HTTPStatus(status).phrase,
        detail=error.detail, faults=faults,
    )  # fmt: skip


def _plain(request: Request, status: HTTPStatus, words: str) -> Response:
    return page(
        request, "problem.html", status=status, title=status.phrase, detail=words, faults=[]
    )
