"""How this dialect words what is not what was asked for.

https://platform.openai.com/docs/guides/error-codes
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from itertools import islice
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel

from api.errors import Said

PREFIX = "/v1/"
ASTRAY = ("/images/", "/files", "/models")
"""Where a client of OpenAI's comes out whose base URL lacks the `/v1`."""
DO_NOT_RETRY = {"x-should-retry": "false"}
_CODES = {HTTPStatus.UNAUTHORIZED: "invalid_api_key"}
_FAULTS_TOLD = 10


class ErrorBody(BaseModel):
    """All four are always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorOut(BaseModel):
    """Why there is no other answer."""

    error: ErrorBody


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors a route may answer with, as OpenAPI has them; any may be asked wrongly, or too often."""
    any_time = (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
    )
    every = sorted({*statuses, *any_time})
    return {
        int(status): {"model": ErrorOut, "description": HTTPStatus(status).phrase}
        for status in every
    }


def worded(said: Said) -> Response:
    """The error envelope."""
    status, param, code, message = said.status, None, said.code, said.detail
    if said.faults:
        status = HTTPStatus.BAD_REQUEST
        first = said.faults[0]
        param, code = first.column, first.code
        message = in_one((fault.column, fault.detail) for fault in said.faults)
    code = _CODES.get(HTTPStatus(status), code)
    return envelope(status, message, type_of(status), code, param=param, headers=said.headers)


def strayed(said: Said) -> Response:
    """The same, and where the way lies that was probably meant."""
    detail = f"{said.detail}: this API begins at /v1; end the base URL in it"
    return worded(replace(said, detail=detail))


def in_one(faults: Iterable[tuple[str | None, str]]) -> str:
    """One message for several faults, each behind the parameter that it is about; ten of them at most.

    >>> in_one([("mask", "a GIF"), (None, "too long")])
    'mask: a GIF; too long'
    """
    told = islice(faults, _FAULTS_TOLD)
    return "; ".join(f"{param}: {detail}" if param else detail for param, detail in told)


def type_of(status: int) -> str:
    """OpenAI's word for whose fault a status is.

    >>> type_of(404), type_of(429), type_of(503)
    ('invalid_request_error', 'rate_limit_error', 'server_error')
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def envelope(
    status: int,
    message: str,
    kind: str,
    code: str | None,
    *,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as OpenAI's clients read it."""
    error = {"message": _utf8(message), "type": kind, "param": param and _utf8(param), "code": code}
    body = orjson.dumps({"error": error})
    return Response(body, status, headers=headers, media_type="application/json")


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def shown_faults(problems: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was wrong with a batch's file, as a batch's `errors` has it."""
    return [
        {
            "code": problem["code"],
            "message": problem["message"],
            "param": problem.get("column"),
            "line": problem.get("line"),
        }
        for problem in problems
    ]
