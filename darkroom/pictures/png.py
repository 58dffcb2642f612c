"""Reading a PNG chunk by chunk: every checksum, no pixel.

The format: https://www.w3.org/TR/png-3/
"""

import struct
from collections.abc import Iterator
from itertools import groupby
from typing import Final
from zlib import crc32

from darkroom.pictures.formats import Picture, PictureFormat, Unsound, cut_off, ending_at, sized

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_HEAD: Final = struct.Struct(">I4s")
_CHECKSUM: Final = struct.Struct(">I")
_HEADER: Final = struct.Struct(">IIBBBBB")
_FRAME_BYTES: Final = _HEAD.size + _CHECKSUM.size
_CRITICAL_AFTER_HEADER: Final = frozenset((b"PLTE", b"IDAT", b"IEND"))
_COLOUR_AT: Final = len(SIGNATURE) + _HEAD.size + 9
_PALETTE: Final = 3
_WITH_ALPHA: Final = (4, 6)
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Encoders write chunks of 8 KiB and more. Millions of empty ones would only buy processor time.
_MOST_CHUNKS: Final = 100_000


def read(view: memoryview, limit: int) -> Picture:
    """Return a PNG whose chunks are all there and undamaged. Raises Unsound."""
    chunks = _chunks(view)
    first, header = next(chunks)
    if first != b"IHDR" or len(header) != _HEADER.size:
        raise Unsound("a PNG without its header")
    width, height, depth, colour, compression, filtering, interlace = _HEADER.unpack(header)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Unsound("a PNG of a kind that does not exist")
    picture = sized(PictureFormat.PNG, width, height, limit, has_alpha=colour in _WITH_ALPHA)
    kinds = [kind for kind, _ in groupby(kind for kind, _ in chunks)]
    _in_order(kinds, needs_palette=colour == _PALETTE)
    if b"tRNS" in kinds:
        return sized(PictureFormat.PNG, width, height, limit, has_alpha=True)
    return picture


def has_alpha_channel(view: memoryview) -> bool:
    """Tell whether each pixel of a PNG has its own alpha, rather than one colour being transparent."""
    return view[_COLOUR_AT] in _WITH_ALPHA


def _chunks(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at, kind = len(SIGNATURE), b""
    for _ in range(_MOST_CHUNKS):
        if at + _FRAME_BYTES > len(view):
            raise cut_off(view)
        length, kind = _HEAD.unpack_from(view, at)
        end = at + _FRAME_BYTES + length
        if end > len(view):
            raise cut_off(view)
        stated = _CHECKSUM.unpack_from(view, end - _CHECKSUM.size)[0]
        if crc32(view[at + 4 : end - 4]) != stated:
            raise Unsound(f"damaged between bytes {at:,} and {end:,} (checksum)")
        yield kind, view[at + 8 : end - 4]
        at = end
        if kind == b"IEND":
            return ending_at(at, view)
    raise Unsound(f"a PNG of more than {_MOST_CHUNKS:,} chunks")


def _in_order(kinds: list[bytes], *, needs_palette: bool) -> None:
    if b"IDAT" not in kinds:
        raise Unsound("a PNG without pixels")
    critical = [kind for kind in kinds if not kind[0] & 0x20]
    strange = set(critical) - _CRITICAL_AFTER_HEADER
    palette_late = b"PLTE" in kinds and kinds.index(b"PLTE") > kinds.index(b"IDAT")
    palette_missing = needs_palette and b"PLTE" not in kinds
    if strange or palette_late or palette_missing or len(critical) != len(set(critical)):
        raise Unsound("a PNG whose parts are out of order")
