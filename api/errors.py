"""Every answer that is not what was asked for, as a problem document.

https://www.rfc-editor.org/rfc/rfc9457
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.refusals import (
    Conflict,
    Expired,
    Fault,
    Forbidden,
    Invalid,
    Mismatch,
    Missing,
    Refusal,
    TooMany,
    Unauthenticated,
)
from darkroom.blobs import BlobMissing, StorageFailed
from darkroom.domain.misfit import fix_of, names_at
from darkroom.domain.problem import clipped
from darkroom.store.session import StoreAway
from darkroom.telemetry.logs import logger

MEDIA_TYPE = "application/problem+json"
FAULTS_SHOWN = 100
RETRY_SECONDS = "2"

_SECRET = ("key", "secret", "token", "password", "url")

_STATUS: Mapping[type[Refusal], HTTPStatus] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Missing: HTTPStatus.NOT_FOUND,
    Expired: HTTPStatus.GONE,
    Conflict: HTTPStatus.CONFLICT,
    Mismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
}


class FaultShown(BaseModel):
    """One thing wrong with what was sent."""

    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    row: int | None = Field(None, description="Which of `rows`, counted from 1, or which line.")
    column: str | None = Field(None, description="The field, parameter or column.")
    code: str = Field(description="Stable, for programs.")
    detail: str = Field(description="What is wrong and what to do, for people.")


_EXAMPLE: dict[str, Any] = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "what was sent cannot be used",
    "code": "invalid_request",
    "instance": "/api/v1/batches",
    "request_id": "req_019ab2c34d5e7f00a1b2c3d4e5f60004",
    "errors": [
        {
            "pointer": "#/defaults/qualty",
            "column": "qualty",
            "code": "default_unknown",
            "detail": "qualty: is not a default; did you mean `quality`?",
        }
    ],
}


class Problem(BaseModel):
    """Why there is no other answer (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable, for programs.")
    instance: str
    request_id: str = Field(description="As in the header x-request-id; also in the server's log.")
    errors: list[FaultShown] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says that is not what was asked for."""

    status: int
    code: str
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] | None = None


Wording = Callable[[Said], Response]
"""How a dialect words it."""


def install(app: FastAPI, dialects: Mapping[str, Wording]) -> None:
    """Makes this the one place where exceptions become answers; below these paths in other words."""
    app.state.dialects = dialects
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreAway, _unavailable)
    app.add_exception_handler(StorageFailed, _unavailable)
    app.add_exception_handler(BlobMissing, _bytes_lost)
    app.add_exception_handler(ClientDisconnect, _gone)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems a route may answer with, as OpenAPI has them; any may be asked too often."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        int(status): {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({*statuses, HTTPStatus.TOO_MANY_REQUESTS})
    }


def answer(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document, or what the dialect of this path has in its place."""
    dialects: Mapping[str, Wording] = request.app.state.dialects
    for prefix, worded in dialects.items():
        if request.url.path.startswith(prefix):
            return worded(Said(status, code, _utf8(detail), faults, headers))
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=_utf8(detail),
        code=code,
        instance=request.url.path,
        request_id=request.state.request_id,
        errors=[_shown(fault) for fault in faults[:FAULTS_SHOWN]] or None,
    )
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, status, headers=headers, media_type=MEDIA_TYPE)


def _shown(fault: Fault) -> FaultShown:
    return FaultShown(
        pointer=fault.pointer and _utf8(fault.pointer),
        row=fault.row,
        column=fault.column and _utf8(fault.column),
        code=fault.code,
        detail=_utf8(f"{fault.column}: {fault.detail}" if fault.column else fault.detail),
    )


def _utf8(text: str) -> str:
    """The text without the half surrogate pairs that a caller may have sent and UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    faults = error.faults if isinstance(error, Invalid) else ()
    return answer(
        request, _STATUS[type(error)], error.code, error.detail, faults=faults, headers=_how(error)
    )


def _how(refusal: Refusal) -> Mapping[str, str] | None:
    """What a program should know to ask again."""
    match refusal:
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case TooMany(seconds=seconds):
            return {"Retry-After": str(seconds)}
        case _:
            return None


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, headers = HTTPStatus(error.status_code), error.headers
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(sorted(_methods(request)))}
    return answer(request, status, status.name.lower(), error.detail, headers=headers)


def _methods(request: Request) -> Iterator[str]:
    """What may be done at a path; the router itself names no more than the first route of it allows."""
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path_regex.match(request.url.path):
            yield from route.methods


def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    kind = _body_of(request)
    faults = [_located(one, kind) for one in error.errors()[:FAULTS_SHOWN]]
    return _refused(request, Invalid(faults))


def _body_of(request: Request) -> object:
    """What kind of body this route takes; None where it takes none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return field.field_info.annotation if field else None


def _located(error: Mapping[str, Any], kind: object) -> Fault:
    """Where pydantic found something, as a JSON pointer and, in `rows`, as a row; what, and the fix.

    >>> found = {"type": "string_type", "msg": "", "input": 7}
    >>> _located({**found, "loc": ("body", "rows", 16, "size")}, None).row
    17
    >>> _located({**found, "loc": ("query", "limit")}, None).pointer is None
    True
    >>> _located({**found, "loc": ("body", "name")}, None).detail
    'value 7: it must be text; put it in quotes'
    """
    place, *path = error["loc"]
    code = error["type"]
    known = names_at(kind, path[:-1]) if place == "body" else ()
    message = fix_of(path[-1] if path else "", code, error["msg"], error.get("ctx"), known)
    row = path[1] + 1 if len(path) > 1 and path[0] == "rows" and isinstance(path[1], int) else None
    names = [step for step in path if isinstance(step, str)]
    pointer = "".join(f"/{_escaped(str(step))}" for step in path)
    return Fault(
        code=code,
        detail=_valued(names, error, message),
        pointer=f"#{pointer}" if place == "body" else None,
        row=row,
        column=names[-1] if names else None,
    )


def _valued(names: Sequence[str], error: Mapping[str, Any], message: str) -> str:
    """The message, with the value that it is about where one stands in one line and is no secret."""
    value, named = error.get("input"), " ".join(names)
    secret = any(word in named for word in _SECRET)
    if secret or not names or not isinstance(value, str | int | float) or value == "":
        return message
    shown = clipped(value) if isinstance(value, str) else json.dumps(value)
    return f"value {shown!r}: {message}" if isinstance(value, str) else f"value {shown}: {message}"


def _escaped(step: str) -> str:
    """One step of a JSON pointer (https://www.rfc-editor.org/rfc/rfc6901#section-3).

    >>> _escaped("a/b~c")
    'a~1b~0c'
    """
    return step.replace("~", "~0").replace("/", "~1")


def _unavailable(request: Request, error: Exception) -> Response:
    logger("api").warning("unavailable", action="answer", reason=str(error))
    what = "the database cannot be used at the moment"
    if isinstance(error, StorageFailed):
        what = f"the storage cannot be used at the moment: {error.reason}"
    detail = f"{what}; try again"
    headers = {"Retry-After": RETRY_SECONDS}
    return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=headers)


def _bytes_lost(request: Request, error: Exception) -> Response:
    logger("api").error("a blob is missing", action="answer", reason=str(error))
    detail = "it is known, but its bytes are not in the storage any more"
    return answer(request, HTTPStatus.GONE, "bytes_missing", detail)


def _gone(request: Request, _: Exception) -> Response:
    """For the log alone: whoever asked does not listen any more."""
    return answer(request, HTTPStatus.BAD_REQUEST, "disconnected", "the request was cut")
