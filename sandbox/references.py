"""Reference images and masks: from bytes, data URLs, the web or uploaded files to pixels."""

import asyncio
import base64
import binascii
import io
from dataclasses import dataclass

import httpx2
from PIL import Image

from sandbox.errors import ApiError, image_user_error

MAX_REFERENCES = 16
_MAX_BYTES = 50 * 1024 * 1024
_MAX_URL = 20_971_520
_FORMATS = ("PNG", "JPEG", "WEBP")
_DOWNLOAD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reference:
    """One decoded input image."""

    image: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size


async def decode_references(pictures: list[bytes]) -> tuple[Reference, ...]:
    """The images of an edit, in order.

    Raises:
        ApiError: 400, if there are too many or none, or one cannot be used.
    """
    if not pictures:
        raise ApiError(
            400,
            "Missing required parameter: 'image'.",
            param="image",
            code="missing_required_parameter",
        )
    if len(pictures) > MAX_REFERENCES:
        raise ApiError(
            400,
            f"Invalid 'image': array too long. Expected an array with maximum length "
            f"{MAX_REFERENCES}, but got an array with length {len(pictures)} instead.",
            param="image",
            code="array_above_max_length",
        )
    return tuple(
        [
            await asyncio.to_thread(_decode, picture, f"image {number}", "image")
            for number, picture in enumerate(pictures, start=1)
        ],
    )


async def check_mask(mask: bytes, first: Reference) -> None:
    """Refuse a mask that is no PNG with alpha of the first image's dimensions."""
    decoded = await asyncio.to_thread(_decode, mask, "the mask", "mask")
    if not decoded.image.has_transparency_data:
        raise image_user_error(
            "Invalid mask image format - mask image missing alpha channel.",
            "mask",
            "invalid_mask_image_format",
        )
    if decoded.size != first.size:
        raise image_user_error(
            "Invalid mask image: its dimensions must equal those of the first image.",
            "mask",
        )


def _decode(data: bytes, name: str, param: str) -> Reference:
    if len(data) > _MAX_BYTES:
        raise image_user_error(f"Invalid image file: {name} exceeds 50 MB.", param)
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise image_user_error(
            f"Invalid image file or mode for {name}, please check your image file.",
            param,
            "invalid_image_file",
        ) from error
    return Reference(image)


async def fetch_image(url: str) -> bytes:
    """The bytes behind a data URL or an http(s) URL.

    Raises:
        ApiError: 400 `invalid_image_url`, if there are none.
    """
    if len(url) > _MAX_URL:
        raise _bad_url("it is too long")
    if url.startswith("data:"):
        return _from_data_url(url)
    if url.startswith(("http://", "https://")):
        return await _download(url)
    raise _bad_url("expected a data URL or an http(s) URL")


def _from_data_url(url: str) -> bytes:
    head, comma, payload = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise _bad_url("expected a base64 data URL")
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error as error:
        raise _bad_url("the base64 payload is broken") from error


async def _download(url: str) -> bytes:
    try:
        async with httpx2.AsyncClient(timeout=_DOWNLOAD_SECONDS, follow_redirects=True) as client:
            answer = await client.get(url)
            answer.raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise _bad_url("the file could not be downloaded") from error
    return answer.content


def _bad_url(problem: str) -> ApiError:
    return ApiError(
        400,
        f"Invalid image_url: {problem}.",
        param="images",
        code="invalid_image_url",
    )
