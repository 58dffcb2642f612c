"""The picture formats that are accepted, and what is known of a picture without looking at it."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class PictureFormat(StrEnum):
    """An accepted format, by the name that the image API gives it in `output_format`."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    GIF = "gif"


EXTENSIONS: Final = MappingProxyType(
    {
        PictureFormat.PNG: "png",
        PictureFormat.JPEG: "jpg",
        PictureFormat.WEBP: "webp",
        PictureFormat.GIF: "gif",
    }
)
MEDIA_TYPES: Final = MappingProxyType({kind: f"image/{kind}" for kind in PictureFormat})

PIXEL_LIMIT: Final = 40_000_000
"""Of what is decoded here; no model draws as many."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture: its bytes end where its format says. `has_alpha` is the header's word."""

    format: PictureFormat
    width: int
    height: int
    has_alpha: bool


@dataclass(frozen=True, slots=True)
class NotAPicture:
    """Bytes that must not be published as a picture; `reason` is made to be read by people."""

    reason: str


class Unsound(Exception):  # noqa: N818 - named for what it says of the bytes
    """A reader's way out of bytes that are not what they began as."""


def extension(picture_format: PictureFormat) -> str:
    """Return the file name's ending, without a dot.

    >>> extension(PictureFormat.JPEG)
    'jpg'
    """
    return EXTENSIONS[picture_format]


def media_type(picture_format: PictureFormat) -> str:
    """Return the value of a Content-Type header.

    >>> media_type(PictureFormat.JPEG)
    'image/jpeg'
    """
    return MEDIA_TYPES[picture_format]


def sized(kind: PictureFormat, width: int, height: int, limit: int, *, has_alpha: bool) -> Picture:
    """Return the picture that a header announces. Raises Unsound outside 1 to `limit` pixels.

    >>> sized(PictureFormat.PNG, 60_000, 60_000, PIXEL_LIMIT, has_alpha=False)
    Traceback (most recent call last):
    darkroom.pictures.formats.Unsound: 60000×60000 pixels, more than the 40 million allowed
    """
    if not width or not height:
        raise Unsound(f"{width}×{height} pixels, which is none")
    if width * height > limit:
        raise Unsound(f"{width}×{height} pixels, more than the {limit // 10**6} million allowed")
    return Picture(kind, width, height, has_alpha)


def cut_off(view: memoryview) -> Unsound:
    """Return the verdict on bytes that stop before their picture does."""
    return Unsound(f"cut off after {len(view):,} bytes")


def ending_at(end: int, view: memoryview) -> None:
    """Raise Unsound unless the picture's end is the end of the bytes."""
    if end > len(view):
        raise cut_off(view)
    if end < len(view):
        raise Unsound(f"{len(view) - end:,} foreign bytes follow the end of the picture")
