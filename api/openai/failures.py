"""Why a request brought no image, in the words of this dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from darkroom.domain.failure import OURS, FailureClass

_USER_ERROR = "image_generation_user_error"
_INVALID = "invalid_request_error"
_SERVER = "server_error"


@dataclass(frozen=True, slots=True)
class Worded:
    """How a class of failures is told: its status, its type, and its code if that is not the failure's own."""

    status: HTTPStatus
    type: str
    code: str | None = None


WORDED: Mapping[FailureClass, Worded] = MappingProxyType(
    {
        FailureClass.RATE_LIMITED: Worded(
            HTTPStatus.TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded"
        ),
        FailureClass.UNREACHABLE: Worded(HTTPStatus.SERVICE_UNAVAILABLE, _SERVER),
        FailureClass.OVERLOADED: Worded(HTTPStatus.SERVICE_UNAVAILABLE, _SERVER),
        FailureClass.OUTAGE: Worded(HTTPStatus.SERVICE_UNAVAILABLE, _SERVER),
        FailureClass.SERVER_ERROR: Worded(HTTPStatus.INTERNAL_SERVER_ERROR, _SERVER),
        FailureClass.INCOMPLETE: Worded(HTTPStatus.BAD_GATEWAY, _SERVER),
        FailureClass.KEY: Worded(
            HTTPStatus.TOO_MANY_REQUESTS, "insufficient_quota", "insufficient_quota"
        ),
        FailureClass.MODERATION: Worded(HTTPStatus.BAD_REQUEST, _USER_ERROR, "moderation_blocked"),
        FailureClass.INVALID_REQUEST: Worded(HTTPStatus.BAD_REQUEST, _INVALID),
        FailureClass.UNKNOWN_OUTCOME: Worded(HTTPStatus.GATEWAY_TIMEOUT, _SERVER),
        FailureClass.WITHHELD: Worded(HTTPStatus.BAD_GATEWAY, _SERVER),
        FailureClass.WORKER_LOST: Worded(HTTPStatus.GATEWAY_TIMEOUT, _SERVER),
        FailureClass.POISON: Worded(HTTPStatus.GATEWAY_TIMEOUT, _SERVER),
        FailureClass.STORE_AWAY: Worded(HTTPStatus.SERVICE_UNAVAILABLE, _SERVER),
        FailureClass.LEASE_SHORT: Worded(HTTPStatus.SERVICE_UNAVAILABLE, _SERVER),
    }
)

_LOST = Worded(HTTPStatus.SERVICE_UNAVAILABLE, _SERVER)


def told(failure: Mapping[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
    """The status and the error of a job's failure.

    >>> told({"class": "moderation", "code": "x", "message": "no"})[1]["code"]
    'moderation_blocked'
    >>> told({"class": "invalid_request", "code": "reference_missing", "message": "gone"})[0].value
    503
    """
    worded = _LOST if failure["code"] in OURS else WORDED[FailureClass(failure["class"])]
    code = worded.code or failure["code"]
    error = {"message": failure["message"], "type": worded.type, "param": None, "code": code}
    return worded.status, error
