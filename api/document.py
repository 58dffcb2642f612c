"""What the API says of itself: what all routes have in common is written into its document here, once."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from api.errors import Problem
from api.once import KEY_LENGTH

Operation = dict[str, Any]

_KEY_HEADER: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH},
    "description": "The same again within seven days gets the same answer and makes nothing new.",
}
_HEADERS: Mapping[str, Any] = {
    "RequestId": {
        "description": "Finds this answer in the server's log.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "Whole seconds after which to ask again.",
        "schema": {"type": "integer"},
    },
    "RateLimit": {"description": "What the key has left.", "schema": {"type": "string"}},
}
_OF_BODIES = (400, 408, 413, 422)
"""How a body may be refused."""
_OF_POSTS = (*_OF_BODIES, 409)
"""How anything may be refused that can be asked under an Idempotency-Key."""


class Described(FastAPI):
    """An application whose OpenAPI document holds the problem that its answers refer to."""

    def openapi(self) -> dict[str, Any]:
        """The document, made on first use."""
        if self.openapi_schema is None:
            schema = super().openapi()
            template = "#/components/schemas/{model}"
            problem = Problem.model_json_schema(mode="serialization", ref_template=template)
            schema["components"]["schemas"] |= {**problem.pop("$defs", {}), "Problem": problem}
            schema["components"]["headers"] = dict(_HEADERS)
            for method, path, operation in _guarded(schema["paths"]):
                _refuses(method, operation)
                _carries(operation)
                _leads(schema["paths"], method, path, operation)
            self.openapi_schema = schema
        return self.openapi_schema


def _guarded(paths: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Every operation that asks for a key."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            if "security" in operation:
                yield method, path, operation


def _refuses(method: str, operation: Operation) -> None:
    """Adds how a body and a key of its own may be refused, in the words that the route has for a refusal."""
    answers, content = operation["responses"], operation["responses"]["401"]["content"]
    wanted: tuple[int, ...] = _OF_BODIES if "requestBody" in operation else ()
    if method == "post":
        operation.setdefault("parameters", []).append(dict(_KEY_HEADER))
        wanted = _OF_POSTS
    for status in wanted:
        told = {"description": HTTPStatus(status).phrase, "content": content}
        answers.setdefault(str(status), told)


def _carries(operation: Operation) -> None:
    """Adds the headers that every answer has, or every one that says to wait."""
    for status, answer in operation["responses"].items():
        names = {"x-request-id": "RequestId"}
        if status.startswith("2") or status == "429":
            names["RateLimit"] = "RateLimit"
        if status in ("429", "503"):
            names["Retry-After"] = "RetryAfter"
        answer["headers"] = {
            **answer.get("headers", {}),
            **{name: {"$ref": f"#/components/headers/{kind}"} for name, kind in names.items()},
        }


def _leads(paths: Mapping[str, Any], method: str, path: str, operation: Operation) -> None:
    """Links whatever is made at a path to every operation on the thing that was made."""
    if method != "post":
        return
    links = {
        other["operationId"]: {
            "operationId": other["operationId"],
            "parameters": {name: "$response.body#/id"},
        }
        for below, operations in paths.items()
        if (name := _only_id(path, below))
        for other in operations.values()
    }
    for status in ("200", "201", "202"):
        if links and status in operation["responses"]:
            operation["responses"][status]["links"] = links


def _only_id(path: str, below: str) -> str | None:
    """The id in a path that begins with this one, where it is the only one.

    >>> _only_id("/v1/files", "/v1/files/{file_id}/content")
    'file_id'
    >>> _only_id("/v1/webhooks", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}") is None
    True
    """
    first, *rest = below.removeprefix(f"{path}/").split("/")
    apart = below.startswith(f"{path}/{{") and not any(step.startswith("{") for step in rest)
    return first.strip("{}") if apart else None
