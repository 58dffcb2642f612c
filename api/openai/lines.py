"""What comes of jobs, as this dialect writes it: pieces of JSON with the pictures between them.

A picture is read and encoded when its turn comes, so that a file of any size is written in constant memory.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pybase64

from api.openai.failures import told
from darkroom.blobs import BlobStore
from darkroom.domain.ids import IMAGE, shown
from darkroom.domain.job import JobState
from darkroom.store.insights import ImageView
from darkroom.store.openai_batches import Kind
from darkroom.store.results import Result

STATES: Mapping[Kind, tuple[JobState, ...]] = {
    Kind.OUTPUT: (JobState.SUCCEEDED,),
    Kind.ERROR: (JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED),
}
"""Which jobs each file tells of."""

_NEVER_BEGUN = {
    JobState.EXPIRED: {
        "code": "batch_expired",
        "message": "This request was not begun before the completion window was over.",
    },
    JobState.CANCELLED: {
        "code": "batch_cancelled",
        "message": "This request was not begun before the batch was cancelled.",
    },
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as base64, its quotes around it."""

    sha256: str
    bytes: int

    @property
    def length(self) -> int:
        """How many bytes it is when it is written.

        >>> Encoded("", 4).length
        10
        """
        return -(-self.bytes // 3) * 4 + 2


Piece = bytes | Encoded


def length_of(pieces: list[Piece]) -> int:
    """How many bytes these are when they are written."""
    return sum(p.length if isinstance(p, Encoded) else len(p) for p in pieces)


def written(blobs: BlobStore, pieces: list[Piece]) -> Iterator[bytes]:
    """The bytes themselves."""
    for piece in pieces:
        if isinstance(piece, Encoded):
            yield b'"%b"' % pybase64.b64encode(blobs.get(piece.sha256))
        else:
            yield piece


Link = Callable[[str], str]
"""What is written for the path of an image."""


def line(result: Result, kind: Kind, link: Link | None = None) -> list[Piece]:
    """One line of a batch's output or error file; with a `link`, that stands in place of the bytes."""
    head = {"id": f"batch_req_{result.job_id}", "custom_id": result.custom_id}
    opened = orjson.dumps(head)[:-1]
    if kind is Kind.ERROR:
        return [opened + b"," + orjson.dumps(_unmade(result))[1:] + b"\n"]
    answered = orjson.dumps({"status_code": 200, "request_id": request_id(result)})[:-1]
    return [
        opened + b',"response":' + answered + b',"body":',
        *images_response(result, link),
        b'},"error":null}\n',
    ]


def request_id(result: Result) -> str:
    """The provider's id of the answer, or one that stands for the job."""
    return result.request_id or f"req_{result.job_id}"


def _unmade(result: Result) -> dict[str, Any]:
    if result.state is not JobState.FAILED or result.failure is None:
        return {"response": None, "error": _NEVER_BEGUN.get(result.state)}
    status, error = told(result.failure)
    if result.failure.get("http_status") is None:
        return {"response": None, "error": {"code": error["code"], "message": error["message"]}}
    answer = {"status_code": status, "request_id": request_id(result), "body": {"error": error}}
    return {"response": answer, "error": None}


def images_response(result: Result, link: Link | None = None) -> list[Piece]:
    """The ImagesResponse of a job that has its images."""
    rest = orjson.dumps(_said(result))
    pieces: list[Piece] = [rest[:-1] + b',"data":[']
    for number, picture in enumerate(result.pictures):
        comma = b"," if number else b""
        if link:
            pieces.append(comma + orjson.dumps(_linked(picture, link)))
        else:
            encoded = Encoded(picture.sha256, picture.bytes)
            pieces += [comma + b'{"b64_json":', encoded, b"}"]
    return [*pieces, b"]}"]


def events(result: Result) -> list[Piece]:
    """The same as server-sent events, one for each image; the last one tells what all of them took.

    https://platform.openai.com/docs/api-reference/images-streaming
    """
    named = "image_edit" if "images" in result.request else "image_generation"
    told = {"type": f"{named}.completed", "created_at": int(result.ended_at.timestamp())}
    told["background"] = result.request.get("background") or "auto"
    pieces: list[Piece] = []
    for number, picture in enumerate(result.pictures, 1):
        usage = (result.usage if number == len(result.pictures) else None) or {}
        said = told | {
            "output_format": picture.format,
            "quality": _chosen(result.request, "quality") or picture.quality or "auto",
            "size": f"{picture.width}x{picture.height}",
            "usage": usage_of(usage),
        }
        head = f"event: {told['type']}\ndata: ".encode() + orjson.dumps(said)[:-1]
        pieces += [head + b',"b64_json":', Encoded(picture.sha256, picture.bytes), b"}\n\n"]
    return pieces


def _linked(picture: ImageView, link: Link) -> dict[str, str]:
    name = f"{shown(IMAGE, picture.attempt_id)}-{picture.index}"
    return {"url": link(f"/api/v1/images/{name}"), "sha256": picture.sha256}


def _said(result: Result) -> dict[str, Any]:
    """Everything of an ImagesResponse but its data; what `auto` came to is not known for each parameter."""
    request, first = result.request, result.pictures[0] if result.pictures else None
    said = {
        "created": int(result.ended_at.timestamp()),
        "background": _chosen(request, "background"),
        "output_format": first and first.format,
        "quality": _chosen(request, "quality") or (first and first.quality),
        "size": first and f"{first.width}x{first.height}",
    }
    if result.usage is not None:
        said["usage"] = usage_of(result.usage)
    return {name: value for name, value in said.items() if value is not None}


def _chosen(request: Mapping[str, Any], name: str) -> Any:
    value = request.get(name)
    return None if value == "auto" else value


def usage_of(usage: Mapping[str, int]) -> dict[str, Any]:
    """The tokens of an answer as OpenAI tells them.

    >>> usage_of({"text_tokens": 3, "image_tokens": 4, "output_tokens": 5})["total_tokens"]
    12
    """
    text, image, output = (
        usage.get(name, 0) for name in ("text_tokens", "image_tokens", "output_tokens")
    )
    return {
        "input_tokens": text + image,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image},
        "output_tokens": output,
        "total_tokens": text + image + output,
    }
