"""Asked twice, made once: the answer to a repeat is the one that was given, or that it is being made.

https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-06
"""

import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from uuid import UUID

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.asking import Asking
from api.fresh import fresh_id
from api.instruments import Instruments
from api.refusals import Conflict, Fault, Invalid, Mismatch, Refusal
from darkroom.domain.request import unstorable
from darkroom.store import idempotency
from darkroom.store.idempotency import Claim, Stored

KEY_LENGTH = 255
REPLAYED = {"Idempotency-Replayed": "true"}
_KEPT_HEADERS = ("content-type", "location", "retry-after")

Answer = Callable[[], Awaitable[Response]]


def key_in(request: Request) -> str | None:
    """The key in the header, with or without the quotes of a structured field.

    Raises:
        Invalid: It is longer than 255 characters, or empty.
    """
    written = request.headers.get("idempotency-key")
    return None if written is None else checked(written.strip().strip('"'))


def checked(key: str) -> str:
    """The key, if it is one. Raises Invalid."""
    if not 0 < len(key) <= KEY_LENGTH or unstorable(key):
        detail = f"must have from 1 to {KEY_LENGTH} characters"
        raise Invalid([Fault("idempotency_key_not_valid", detail, column="Idempotency-Key")])
    return key


def fingerprint(request: Request, content: bytes) -> bytes:
    """What tells this request from any other under the same key."""
    asked = f"{request.method} {request.url.path}\n".encode()
    return hashlib.sha256(asked + hashlib.sha256(content).digest()).digest()


def repeat_key(request: Request, asked: bytes) -> str:
    """The key under which a client's own repeats of a request are known: the same API key, the same body."""
    secret = request.headers.get("authorization", "").encode()
    return "repeat:" + hashlib.sha256(secret + asked).hexdigest()


def is_repeat(request: Request) -> bool:
    """Whether the client says that it has sent this before, as OpenAI's libraries do."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return count.isdecimal() and int(count) > 0


async def once(request: Request, asking: Asking, make: Answer, *, secret: bool = False) -> Response:
    """The answer that `make` gives the first time; `request.state.subject` is the id that it is to use.

    Of an answer that holds a secret only the fact is kept.

    Raises:
        Mismatch: The key was used for something else.
        Conflict: The first request with it is still being answered.
    """
    tools: Instruments = request.app.state.instruments
    claim = await run_in_threadpool(_claim, tools, asking)
    if not claim.same:
        detail = "this Idempotency-Key was used with another request; use a new one"
        raise Mismatch("idempotency_key_reused", detail)
    if claim.stored:
        return _replayed(claim.stored)
    if not claim.mine:
        detail = "the first request with this Idempotency-Key is still being answered"
        raise Conflict("idempotency_key_in_use", detail)
    return await _made(request, tools, asking, claim.subject, make, secret=secret)


async def _made(
    request: Request,
    tools: Instruments,
    asking: Asking,
    subject: UUID,
    make: Answer,
    *,
    secret: bool,
) -> Response:
    request.state.subject = subject
    try:
        response = await make()
    except (Refusal, HTTPException, RequestValidationError):
        await run_in_threadpool(_forget, tools, asking)
        raise
    except BaseException:
        await run_in_threadpool(_release, tools, asking)
        raise
    await run_in_threadpool(_keep, tools, asking, response, secret)
    return response


def _claim(tools: Instruments, asking: Asking) -> Claim:
    project_id, key = asking.project_id, asking.key
    with tools.transaction() as connection:
        if asking.repeatable:
            known = idempotency.recall(connection, project_id, key)
            if not (asking.repeated and known):
                idempotency.drop(connection, project_id, key)
        return idempotency.claim(connection, project_id, key, asking.fingerprint, fresh_id())


def _forget(tools: Instruments, asking: Asking) -> None:
    with tools.transaction() as connection:
        idempotency.forget(connection, asking.project_id, asking.key)


def _release(tools: Instruments, asking: Asking) -> None:
    with tools.transaction() as connection:
        idempotency.release(connection, asking.project_id, asking.key)


def _keep(tools: Instruments, asking: Asking, response: Response, secret: bool) -> None:  # noqa: FBT001
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    stored = Stored(response.status_code, kept, b"" if secret else bytes(response.body))
    with tools.transaction() as connection:
        idempotency.answer(connection, asking.project_id, asking.key, stored)


def _replayed(stored: Stored) -> Response:
    if not stored.body and stored.status != HTTPStatus.NO_CONTENT:
        raise Conflict("made_before", "it was made already; its secret was shown once")
    return Response(stored.body, stored.status, headers={**stored.headers, **REPLAYED})
