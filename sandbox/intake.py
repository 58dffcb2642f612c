"""From an HTTP body to named fields and the bytes of the images sent along."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from sandbox.errors import ApiError
from sandbox.references import fetch_image
from sandbox.shelf import Shelf

_WHOLE_NUMBERS = ("n", "output_compression", "partial_images", "frame_count", "frame_duration_ms")
_PICTURE_PARTS = ("image", "image[]")
_SOURCES = ("image_url", "file_id")
_TRUTH = {"true": True, "false": False}


@dataclass(slots=True)
class Submission:
    """What a caller sent, decoded and not yet judged."""

    fields: dict[str, Any] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)
    mask: bytes | None = None


async def read_submission(request: Request, *, edit: bool) -> Submission:
    """The body as fields and files; references by URL or file id are not yet looked up.

    Raises:
        ApiError: 400, if the body cannot be decoded.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if edit and media_type == "multipart/form-data":
        return await _from_form(request)
    if media_type != "application/json":
        expected = ["application/json", "multipart/form-data"][: 1 + edit]
        raise ApiError(
            400,
            f"Unsupported content type: '{media_type}'. Expected {' or '.join(expected)}.",
            code="unsupported_content_type",
        )
    return Submission(fields=_parse(await request.body()))


async def collect(submission: Submission, shelf: Shelf) -> Submission:
    """The submission with the images its JSON named fetched and taken out of the fields."""
    fields = dict(submission.fields)
    named, mask = fields.pop("images", None), fields.pop("mask", None)
    if named is not None and not isinstance(named, list):
        raise _malformed("images", "expected an array of objects")
    pictures = [await _look_up(source, "images", shelf) for source in named or []]
    return Submission(
        fields=fields,
        pictures=submission.pictures + pictures,
        mask=submission.mask if mask is None else await _look_up(mask, "mask", shelf),
    )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise ApiError(
            400,
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
            "using your HTTP library correctly. The OpenAI API expects a JSON payload, but what "
            "was sent was not valid JSON.)",
        )
    return fields


async def _from_form(request: Request) -> Submission:
    submission = Submission()
    try:
        async with request.form() as form:
            for name, value in form.multi_items():
                await _keep(submission, name, value)
    except HTTPException as error:
        raise ApiError(400, f"Could not parse multipart form: {error.detail}") from error
    return submission


async def _keep(submission: Submission, name: str, value: UploadFile | str) -> None:
    if isinstance(value, str):
        submission.fields[name] = _coerced(name, value)
    elif name in _PICTURE_PARTS:
        submission.pictures.append(await value.read())
    elif name == "mask":
        submission.mask = await value.read()
    else:
        submission.fields[name] = value.filename


def _coerced(name: str, value: str) -> str | int | bool:
    if name in _WHOLE_NUMBERS and value.isascii() and value.removeprefix("-").isdigit():
        return int(value)
    return _TRUTH.get(value, value) if name == "stream" else value


async def _look_up(source: object, param: str, shelf: Shelf) -> bytes:
    if not isinstance(source, dict) or sum(key in source for key in _SOURCES) != 1:
        raise _malformed(param, "exactly one of 'image_url' or 'file_id' must be provided")
    if set(source) - set(_SOURCES):
        unknown = f"{param}.{min(set(source) - set(_SOURCES))}"
        raise ApiError(
            400,
            f"Unknown parameter: '{unknown}'.",
            param=unknown,
            code="unknown_parameter",
        )
    if "file_id" in source:
        return shelf.get(str(source["file_id"])).content
    return await fetch_image(str(source["image_url"]))


def _malformed(param: str, problem: str) -> ApiError:
    return ApiError(400, f"Invalid '{param}': {problem}.", param=param, code="invalid_value")
