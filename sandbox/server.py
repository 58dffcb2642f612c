"""The application and the process around it: routes, connections that can be cut, a quick end."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.calls import ImagesEndpoint
from sandbox.catalog import Catalog
from sandbox.control import Control
from sandbox.errors import ApiError
from sandbox.world import World

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def create_app(world: World) -> ASGIApp:
    """The ASGI application of one world."""
    generate, edit = ImagesEndpoint(world, edit=False), ImagesEndpoint(world, edit=True)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        world.easel.close()

    app = Starlette(
        routes=[
            Route("/v1/images/generations", generate, methods=["POST"]),
            Route("/v1/images/edits", edit, methods=["POST"]),
            *Catalog(world).routes(),
            Control(world).mount(),
        ],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error},
        lifespan=lifespan,
    )
    return _Interruptible(app)


class _Interruptible:
    """An application whose calls may be cancelled without a word: only the server's end does so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._app(scope, receive, send)


class _Connection(H11Protocol):
    """A connection that the application can close: its transport is in the scope's state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base has it
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then drops what is under way and ends at once."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so on stdout with the port that is used."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        sys.stdout.write(f"sandbox listening on http://{host}:{port}/v1\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut all connections, end all calls."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End with status 0 on a signal; the base raises it again afterwards."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop)
        yield
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.should_exit = True


def create_server(world: World, host: str, port: int) -> Server:
    """A server that is ready to run; port 0 takes a free one."""
    config = uvicorn.Config(
        create_app(world),
        host=host,
        port=port,
        http=_Connection,
        ws="none",
        loop="asyncio",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
        server_header=False,
    )
    return Server(config)


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    body = orjson.dumps(error.envelope())
    return Response(body, error.status, error.headers, "application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    """OpenAI's words for a path or method that does not exist."""
    assert isinstance(error, HTTPException)
    message = {
        404: f"Invalid URL ({request.method} {request.url.path})",
        405: f"Not allowed to {request.method} on {request.url.path}.",
    }.get(error.status_code, error.detail)
    return await _api_error(request, ApiError(error.status_code, message))
