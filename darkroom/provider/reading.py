"""What a success is worth: the images in it, and what it says it cost."""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from jiter import from_json
from pybase64 import b64decode

from darkroom.domain.answer import Answer
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.pricing import Usage
from darkroom.provider.classify import classify

_ECHOED = ("size", "quality", "output_format", "background")
_LONGEST_ECHO = 64
_NOT_FOLLOWED = (
    "it has a link in the place of the image, which this provider's profile does not follow; if it is a relay "
    "that answers with links, give it a profile with answers_url = true"
)
_MOST_TOKENS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Images:
    """Decoded images that nobody has looked at yet, links to others, and what the answer says of them.

    `effective` are the values that were used, as the answer echoes them: what became of an `auto`.
    """

    images: tuple[bytes, ...]
    usage: Usage | None
    request_id: str | None
    effective: Mapping[str, str]
    links: tuple[str, ...] = ()


def read(answer: Answer, images_asked: int, *, links: bool = False) -> Images | Failure:
    r"""The images of an answer, as many as are whole, or why there are none.

    A success without any image is an unknown outcome: we do not hold what we were probably billed for.
    With `links`, an image's URL is taken in its place, as the profile of some relays has it.

    >>> read(Answer(200, {}, b'{"data": [{"b64_json": "AAEC"}]}', 1), images_asked=1).images
    (b'\x00\x01\x02',)
    >>> read(Answer(200, {}, b"<html>", 1), images_asked=1).code
    'not_json'
    """
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - what HTTP calls success
        return classify(answer)
    try:
        document = from_json(answer.body, cache_mode="none")
    except ValueError:
        return _unusable(answer, "not_json", "it is not JSON, or not all of it")
    if not isinstance(document, dict):
        return _unusable(answer, "not_json", "it is JSON of another kind")
    entries = document.get("data")
    if not isinstance(entries, list) or not entries:
        return _empty(answer, document, images_asked)
    images = tuple(image for entry in entries if (image := _image(entry)))
    urls = tuple(url for entry in entries if (url := _link(entry))) if links else ()
    if not images and not urls:
        return _worthless(answer, entries)
    usage, effective = _usage(document.get("usage")), _effective(document)
    return Images(images, usage, answer.request_id, effective, urls)


def _image(entry: object) -> bytes:
    """The image of one entry, or nothing; its text is let go, so that one image at a time is held twice."""
    if not isinstance(entry, dict) or not isinstance(text := _text(entry), str):
        return b""
    try:
        image = b64decode(text, validate=True)
    except binascii.Error:
        return b""
    entry.clear()
    return image


def _text(entry: Mapping[str, Any]) -> object:
    """The base64 of an entry; some relays write it as a data URL, in its own place or in that of the link.

    >>> _text({"b64_json": "data:image/png;base64,AAEC"}), _text({"url": "data:image/png;base64,AAEC"})
    ('AAEC', 'AAEC')
    """
    text = entry.get("b64_json") or entry.get("url")
    if isinstance(text, str) and text.startswith("data:"):
        return text.partition(";base64,")[2]
    return entry.get("b64_json")


def _link(entry: object) -> str | None:
    """The URL of one entry that holds no image itself."""
    url = entry.get("url") if isinstance(entry, dict) else None
    return url if isinstance(url, str) and url.startswith(("http://", "https://")) else None


def _empty(answer: Answer, document: Mapping[str, Any], images_asked: int) -> Failure:
    if document.get("error"):
        return _unusable(answer, "error_in_success", classify(answer).message)
    return _unusable(answer, "no_images", f"{images_asked} asked for, none in it")


def _worthless(answer: Answer, entries: list[Any]) -> Failure:
    named = [entry for entry in entries if isinstance(entry, dict)]
    if any(entry.get("b64_json") for entry in named):
        return _unusable(answer, "bad_base64", "its image is not base64")
    if any(entry.get("url") for entry in named):
        return replace(_unusable(answer, "url_only", _NOT_FOLLOWED), klass=FailureClass.WITHHELD)
    return _unusable(answer, "no_images", "its entries hold no image")


def _unusable(answer: Answer, code: str, reason: str) -> Failure:
    message = f"HTTP {answer.status} without an image that can be used: {reason}"
    return Failure(FailureClass.UNKNOWN_OUTCOME, code, message, answer.status)


def _effective(document: Mapping[str, Any]) -> dict[str, str]:
    echoed = {name: document.get(name) for name in _ECHOED}
    return {
        name: value[:_LONGEST_ECHO]
        for name, value in echoed.items()
        if isinstance(value, str) and value.isprintable()
    }


def _usage(usage: object) -> Usage | None:
    """The bill; without details all input is text; nothing at all where a number is no count.

    >>> _usage({"input_tokens": 12, "output_tokens": 196})
    Usage(text_tokens=12, image_tokens=0, output_tokens=196, output_text_tokens=0)
    >>> _usage({"input_tokens": 12, "output_tokens": -1}) is None
    True
    """
    if not isinstance(usage, dict):
        return None
    details = usage.get("input_tokens_details")
    split = details if isinstance(details, dict) else {}
    total, image = usage.get("input_tokens"), split.get("image_tokens", 0)
    rest = total - image if _is_count(total) and _is_count(image) else None
    said = (split.get("text_tokens", rest), image, usage.get("output_tokens"))
    counts = [count for count in said if _is_count(count)]
    if len(counts) != len(said):
        return None
    text, image, output = counts
    return Usage(text, image, output, _text_of(usage.get("output_tokens_details"), output))


def _text_of(details: object, output: int) -> int:
    """How many of the output's tokens are said to be text; none where that cannot be.

    >>> _text_of({"text_tokens": 20}, 196), _text_of({"text_tokens": 200}, 196), _text_of(None, 196)
    (20, 0, 0)
    """
    text = details.get("text_tokens") if isinstance(details, dict) else 0
    return text if _is_count(text) and text <= output else 0


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= _MOST_TOKENS
