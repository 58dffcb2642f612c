"""What every answer carries, and the answer of last resort."""

import logging
import time
from http import HTTPStatus

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import answer
from api.fresh import fresh_id
from darkroom.telemetry.logs import logger

_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})


class Envelope:
    """ASGI middleware: a request id and safe headers on every answer, and no exception's words in any."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on under a new id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{fresh_id().hex}"
        scope.setdefault("state", {})["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._answered(scope, receive, send, request_id)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started, begun_at = False, time.monotonic()

        async def send_enveloped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                _add_headers(headers, request_id)
                headers.update(scope["state"].get("quota", {}))
                _log(scope, message["status"], time.monotonic() - begun_at)
            await send(message)

        try:
            await self._app(scope, receive, send_enveloped)
        except Exception:
            logger("api").exception(
                "unexpected", action="answer", method=scope["method"], path=scope["path"]
            )
            if started:
                raise
            detail = "something unexpected happened here; the request id finds it in the log"
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            response = answer(Request(scope), status, "internal", detail)
            await response(scope, receive, send_enveloped)


def _log(scope: Scope, status: int, seconds: float) -> None:
    """A line for what changes something or is refused; looks are many, and say so to whoever debugs."""
    looks = scope["method"] in _LOOKS and status < HTTPStatus.BAD_REQUEST
    logger("api").log(
        logging.DEBUG if looks else logging.INFO,
        "answered",
        action="request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        seconds=round(seconds, 3),
    )


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers["x-request-id"] = request_id
    headers["x-content-type-options"] = "nosniff"
    headers.setdefault("cache-control", "no-store")
