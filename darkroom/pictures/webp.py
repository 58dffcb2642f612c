"""Reading a WebP chunk by chunk to its end.

The format: https://www.rfc-editor.org/rfc/rfc9649
"""

import struct
from typing import Final

from darkroom.pictures.formats import Picture, PictureFormat, Unsound, cut_off, ending_at, sized

SIGNATURE: Final = b"RIFF"

_NAME: Final = b"WEBP"
_CHUNK: Final = struct.Struct("<4sI")
_FIRST_CHUNK: Final = 12
_HEADER_BYTES: Final = 30
_ALPHA_FLAG: Final = 0x10


def is_webp(view: memoryview) -> bool:
    """Tell a WebP from the other formats that live in RIFF."""
    return bytes(view[:4]) == SIGNATURE and bytes(view[8:12]) == _NAME


def read(view: memoryview, limit: int) -> Picture:
    """Return a WebP whose chunks fill exactly the stated size, still undecoded. Raises Unsound."""
    if len(view) < _FIRST_CHUNK + _CHUNK.size:
        raise cut_off(view)
    _, size = _CHUNK.unpack_from(view)
    ending_at(8 + size, view)
    at = _FIRST_CHUNK
    while at < len(view):
        if at + _CHUNK.size > len(view):
            raise cut_off(view)
        _, length = _CHUNK.unpack_from(view, at)
        at += _CHUNK.size + length + length % 2
    ending_at(at, view)
    return _header(view, limit)


def _header(view: memoryview, limit: int) -> Picture:
    head = bytes(view[:_HEADER_BYTES])
    if len(head) < _HEADER_BYTES:
        head = head.ljust(_HEADER_BYTES, b"\0")
    match head[12:16]:
        case b"VP8X":
            width, height = _number(head[24:27]) + 1, _number(head[27:30]) + 1
            alpha = bool(head[20] & _ALPHA_FLAG)
        case b"VP8L" if head[20] == 0x2F:  # noqa: PLR2004 - the signature byte of this form
            bits = _number(head[21:25])
            width, height, alpha = (
                (bits & 0x3FFF) + 1,
                (bits >> 14 & 0x3FFF) + 1,
                bool(bits >> 28 & 1),
            )
        case b"VP8 " if head[23:26] == b"\x9d\x01\x2a":
            width, height, alpha = (
                _number(head[26:28]) & 0x3FFF,
                _number(head[28:30]) & 0x3FFF,
                False,
            )
        case _:
            raise Unsound("a WebP without its header")
    return sized(PictureFormat.WEBP, width, height, limit, has_alpha=alpha)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
