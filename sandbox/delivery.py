"""How an answer leaves: whole, in drops, cut off, or not at all."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.errors import ApiError

JSON = "application/json"
HTML = "text/html; charset=UTF-8"
_DROPS = 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the ledger writes as status, and the act of answering.

    A delivery that `lingers` keeps its call in flight until the caller leaves.
    """

    status: int | str
    act: ASGIApp
    lingers: bool = False


def whole(status: int, body: bytes, headers: Mapping[str, str], media_type: str = JSON) -> Delivery:
    """An answer as it should be."""
    return Delivery(status, Response(body, status, headers, media_type))


def refused(error: ApiError, headers: Mapping[str, str]) -> Delivery:
    """An error in OpenAI's envelope."""
    return whole(error.status, orjson.dumps(error.envelope()), {**headers, **error.headers})


def redirected(location: str, headers: Mapping[str, str]) -> Delivery:
    """A 307: the caller is to send the same again, elsewhere."""
    return whole(307, b"", {**headers, "location": location})


def cut_before() -> Delivery:
    """The connection closes before a byte of the answer."""

    async def act(scope: Scope, receive: Receive, _send: Send) -> None:
        await _hang_up(scope, receive)

    return Delivery("cut", act)


def cut_middle(body: bytes, headers: Mapping[str, str]) -> Delivery:
    """The connection closes when half of the announced body is sent."""

    async def act(scope: Scope, receive: Receive, send: Send) -> None:
        await send(_start(body, headers))
        await send(_piece(body[: len(body) // 2]))
        await _hang_up(scope, receive)

    return Delivery("cut", act)


def silence() -> Delivery:
    """No answer, for as long as the caller waits."""

    async def act(_scope: Scope, receive: Receive, _send: Send) -> None:
        await _until_gone(receive)

    return Delivery("hang", act, lingers=True)


def dripping(body: bytes, headers: Mapping[str, str], seconds: float) -> Delivery:
    """The whole answer, spread evenly over that many seconds."""

    async def act(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start(body, headers))
        step = max(1, -(-len(body) // _DROPS))
        for begin in range(0, len(body), step):
            await asyncio.sleep(seconds / _DROPS)
            await send(_piece(body[begin : begin + step]))
        await send({"type": "http.response.body", "body": b""})

    return Delivery(200, act)


def unheard() -> Delivery:
    """Nothing: the caller left before it had said what it wants."""
    return Delivery("gone", silence().act)


async def _hang_up(scope: Scope, receive: Receive) -> None:
    # The server would answer 500 for an application that returns without a word, so the
    # connection has to be gone first. `close` still sends what is buffered.
    scope["state"]["transport"].close()
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    sent = {**headers, "content-type": JSON, "content-length": str(len(body))}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    return {"type": "http.response.start", "status": 200, "headers": raw}


def _piece(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}
