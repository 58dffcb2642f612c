"""What an answer without images says, in whatever form it says it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jiter import from_json

from darkroom.domain.answer import Answer

_QUOTED = 200
_READ = 2_000
_SECRET = re.compile(
    r"\b(?:sk|rk|sess|ak)-[\w*.-]{3,}|\bBearer\s+\S{6,}|[A-Za-z0-9_*+/=-]{40,}", re.IGNORECASE
)
_TITLE = re.compile(r"<title>([^<]{1,200})", re.IGNORECASE)
_NAME = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_VIOLATIONS = re.compile(r"safety_violations=\[([\w/, -]{1,100})\]")


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error answer, read: OpenAI's four words where it has them, empty text where not."""

    status: int
    code: str = ""
    type: str = ""
    param: str = ""
    message: str = ""
    page: bool = False
    """It is HTML: a gateway speaks, not the provider."""
    findings: tuple[str, ...] = field(default=())
    """What the safety system says it found, in its own closed vocabulary."""
    stage: str = ""
    """What it says it looked at: input, output, or unknown."""

    @property
    def blames(self) -> bool:
        """Whether it names the parameter that is at fault; relays write a status in its place.

        >>> Complaint(400, param="prompt").blames, Complaint(400, param="429").blames
        (True, False)
        """
        return bool(self.param) and not self.param.isdigit()


def complaint(answer: Answer) -> Complaint:
    """Reads an error answer; anything can be in it.

    >>> complaint(Answer(502, {}, b"<html><title>502 Bad Gateway</title>", 1)).message
    '502 Bad Gateway'
    >>> complaint(Answer(429, {}, b'{"error": {"code": "slow_down"}}', 1)).code
    'slow_down'
    """
    head = answer.body[:_READ].decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if head.startswith("<"):
        title = _TITLE.search(head)
        return Complaint(answer.status, message=_plain(title[1] if title else ""), page=True)
    try:
        document = from_json(answer.body, cache_mode="none")
    except ValueError:
        # The header alone proves nothing: relays send JSON as text/html.
        page = "html" in answer.headers.get("content-type", "")
        return Complaint(answer.status, message=_plain(head), page=page)
    return _complaint(answer.status, _error(document))


def _error(document: object) -> Mapping[str, Any]:
    """The part that speaks: `{"error": {…}}`, `{"error": "…"}`, or the whole."""
    inner = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(inner, str):
        return {"message": inner}
    return inner if isinstance(inner, dict) else {}


def _complaint(status: int, error: Mapping[str, Any]) -> Complaint:
    spoken = (error.get(name) for name in ("message", "detail", "msg"))
    message = next((text for text in spoken if isinstance(text, str)), "")[:_READ]
    return Complaint(
        status,
        code=_name(error.get("code")),
        type=_name(error.get("type")),
        param=_name(error.get("param")),
        message=_plain(message),
        findings=_findings(error.get("moderation_details"), message),
        stage=_stage(error.get("moderation_details")),
    )


def _stage(details: object) -> str:
    return _name(details.get("moderation_stage")) if isinstance(details, dict) else ""


def _name(value: object) -> str:
    """A word for programs: lower case; nothing where it is none, such as a number or a sentence."""
    return value.lower() if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _plain(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _findings(details: object, message: str) -> tuple[str, ...]:
    if isinstance(details, dict):
        categories = details.get("categories")
        found = [
            details.get("moderation_stage"),
            *(categories if isinstance(categories, list) else ()),
        ]
        return tuple(name for name in map(_name, found[:10]) if name)
    named = _VIOLATIONS.search(message)
    return tuple(named[1].split(", ")) if named else ()


def quoted(message: str) -> str:
    """A provider's words in a form that can be shown: what looks like a key masked, then clipped.

    >>> quoted("Incorrect API key provided: sk-proj-abc****xyz. Find it on your account page.")
    'Incorrect API key provided: ***. Find it on your account page.'
    """
    masked = _SECRET.sub(_mask, message)
    return masked if len(masked) <= _QUOTED else masked[: _QUOTED - 1].rstrip() + "…"


def _mask(found: re.Match[str]) -> str:
    """A sentence's own full stop stays."""
    return "***." if found[0].endswith(".") else "***"
