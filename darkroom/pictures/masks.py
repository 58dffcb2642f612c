"""Masks that are drawn here, row by row: one for a phone's picture would be hundreds of megabytes at once."""

import struct
import zlib
from typing import Final

from darkroom.pictures import png
from darkroom.pictures.formats import Picture, PictureFormat
from darkroom.pictures.references import box_flaw

_HEADER: Final = struct.Struct(">IIBBBBB")
_OPAQUE: Final = b"\0\0\0\xff"
_TRANSPARENT: Final = bytes(4)


def mask_of_box(width: int, height: int, box: tuple[int, int, int, int]) -> bytes:
    """Return a mask for a picture of this size: a PNG, transparent inside the box, opaque elsewhere.

    What is transparent is redrawn. The box is x0, y0, x1, y1 in pixels from the upper left; x1 and y1
    lie just outside of it.

    Raises:
        ValueError: the box is empty or not within the picture.
    """
    flaw = box_flaw(Picture(PictureFormat.PNG, width, height, has_alpha=False), box)
    if flaw:
        raise ValueError(flaw.reason)
    x0, y0, x1, y1 = box
    plain = b"\0" + _OPAQUE * width
    crossed = b"\0" + _OPAQUE * x0 + _TRANSPARENT * (x1 - x0) + _OPAQUE * (width - x1)
    packer = zlib.compressobj(1)
    rows = (crossed if y0 <= y < y1 else plain for y in range(height))
    pixels = b"".join((*map(packer.compress, rows), packer.flush()))
    header = _HEADER.pack(width, height, 8, 6, 0, 0, 0)
    return png.SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
