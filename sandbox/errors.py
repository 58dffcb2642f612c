"""The one exception of the sandbox: an error answer in OpenAI's envelope."""

from collections.abc import Mapping, Sequence
from typing import Any

REQUEST_ERROR = "invalid_request_error"
IMAGE_USER_ERROR = "image_generation_user_error"


class ApiError(Exception):
    """An answer that is an error: `{"error": {"message", "type", "param", "code"}}`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str | None = REQUEST_ERROR,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": param, "code": code}
        self.error.update(details or {})
        self.headers = dict(headers or {})

    def envelope(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": self.error}


def unsupported_value(param: str, got: object, supported: Sequence[str]) -> ApiError:
    """The refusal of a word outside a closed vocabulary."""
    return ApiError(
        400,
        f"Invalid value: '{got}'. Supported values are: {listed(supported)}.",
        param=param,
        code="invalid_value",
    )


def image_user_error(message: str, param: str, code: str = "invalid_value") -> ApiError:
    """The refusal of a request whose form is right and whose content the model cannot serve."""
    return ApiError(400, message, kind=IMAGE_USER_ERROR, param=param, code=code)


def listed(words: Sequence[str]) -> str:
    """The words quoted and joined as OpenAI's messages do.

    >>> listed(["low", "medium", "high"])
    "'low', 'medium', and 'high'"
    >>> listed(["low"])
    "'low'"
    """
    quoted = [f"'{word}'" for word in words]
    if len(quoted) == 1:
        return quoted[0]
    return ", ".join(quoted[:-1]) + f", and {quoted[-1]}"
