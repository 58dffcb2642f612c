"""What the API refuses, as errors that a command can tell apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from darkroom.cli.caller import command
from darkroom.cli.ending import CliError, Exit

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE, _SERVER_ERROR = 401, 403, 404, 410, 500


class NotFound(CliError):  # noqa: N818 - named for what happened
    """The API knows no such thing."""


class Gone(CliError):  # noqa: N818 - named for what happened
    """It is known, and its bytes are not there any more."""


class Faulty(CliError):  # noqa: N818 - named for what was sent
    """What was sent cannot be used; `faults` says what of it, as the API words it."""

    def __init__(self, message: str, faults: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class KeyRefused(CliError):  # noqa: N818 - named for what happened
    """The API does not know the key, or it was revoked."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(
            f"the API at {url} does not take this key: {detail}. If it is a stack of your own, stop it "
            f"and start `{command('up')}`: it makes a new key; else correct DARKROOM_API_KEY"
        )


def refusal(url: str, response: httpx2.Response) -> CliError:
    """What an answer that is no success says."""
    detail = detail_of(response)
    match response.status_code:
        case code if code == _UNAUTHORIZED:
            return KeyRefused(url, detail)
        case code if code == _FORBIDDEN:
            return CliError(f"this key may not do that: {detail}; create one that may")
        case code if code >= _SERVER_ERROR:
            return CliError(f"the API failed with status {code}: {detail}", Exit.STOPPED)
        case code if code == _NOT_FOUND:
            return NotFound(detail)
        case code if code == _GONE:
            return Gone(detail)
        case _:
            return Faulty(detail, _faults(response))


def _faults(response: httpx2.Response) -> list[Mapping[str, Any]]:
    try:
        return [one for one in response.json().get("errors") or () if isinstance(one, dict)]
    except (ValueError, AttributeError):
        return []


def detail_of(response: httpx2.Response) -> str:
    """What a problem document says, on one line; of anything else, its status."""
    try:
        problem = response.json()
        said = str(problem.get("detail") or problem["title"])
        errors = problem.get("errors") or ()
        named = [str(one.get("detail", one)) for one in errors if isinstance(one, dict)]
    except (ValueError, KeyError, AttributeError):
        return f"{response.status_code} {response.reason_phrase}".strip()
    return "; ".join([said, *named[:3]]).replace("\n", " ")
