"""Looking at bytes that claim to be a picture."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from darkroom.pictures import gif, jpeg, png, webp
from darkroom.pictures.decoding import decode_small
from darkroom.pictures.formats import (
    PIXEL_LIMIT,
    NotAPicture,
    Picture,
    PictureFormat,
    Unsound,
    cut_off,
)
from darkroom.pictures.lookalikes import described

_ANNOUNCED, _SIGNED = 16, 8
"""Bytes within which a picture says what it is, and those of the longest signature."""

_READERS: Final = MappingProxyType(
    {
        PictureFormat.PNG: png.read,
        PictureFormat.JPEG: jpeg.read,
        PictureFormat.GIF: gif.read,
        PictureFormat.WEBP: webp.read,
    }
)
_SIGNATURES: Final = (png.SIGNATURE, jpeg.SIGNATURE, webp.SIGNATURE, *gif.SIGNATURES)


def inspect(data: bytes | memoryview) -> Picture | NotAPicture:
    """Return what the bytes are: one whole picture and nothing else, or why they are not.

    A PNG proves itself by its checksums and is not decompressed. The other formats have none, so
    they are read to their end and decoded once (a GIF: its first frame).
    """
    view = memoryview(data).cast("B")
    try:
        picture = read(view, PIXEL_LIMIT)
        if picture.format is not PictureFormat.PNG:
            decode_small(view, picture)
    except Unsound as unsound:
        return NotAPicture(str(unsound))
    return picture


def read(view: memoryview, limit: int) -> Picture:
    """Return the one whole picture of at most `limit` pixels that the bytes are, undecoded. Raises Unsound."""
    return _reader(view)(view, limit)


def kind_of(head: bytes) -> PictureFormat | None:
    """Return the format that a picture's first 16 bytes announce.

    >>> kind_of(jpeg.SIGNATURE + bytes(13))
    <PictureFormat.JPEG: 'jpeg'>
    """
    if head.startswith(png.SIGNATURE):
        return PictureFormat.PNG
    if head.startswith(jpeg.SIGNATURE):
        return PictureFormat.JPEG
    if head.startswith(gif.SIGNATURES):
        return PictureFormat.GIF
    return PictureFormat.WEBP if webp.is_webp(memoryview(head)) else None


def _reader(view: memoryview) -> Callable[[memoryview, int], Picture]:
    if kind := kind_of(bytes(view[:_ANNOUNCED])):
        return _READERS[kind]
    head = bytes(view[:_SIGNED])
    if head and any(signature.startswith(head) for signature in _SIGNATURES):
        raise cut_off(view)
    raise Unsound(described(view))
