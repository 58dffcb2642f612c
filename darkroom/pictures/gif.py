"""Reading a GIF block by block to its end.

The format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

import struct
from typing import Final

from darkroom.pictures.formats import Picture, PictureFormat, Unsound, cut_off, ending_at, sized

SIGNATURES: Final = (b"GIF87a", b"GIF89a")

_SCREEN: Final = struct.Struct("<6sHHBBB")
_FRAME: Final = struct.Struct("<BHHHHB")
_TRAILER: Final = 0x3B
_GRAPHIC_CONTROL: Final = 0xF9


def read(view: memoryview, limit: int) -> Picture:
    """Return a GIF whose blocks reach its trailer, still undecoded. Raises Unsound."""
    if len(view) < _SCREEN.size:
        raise cut_off(view)
    _, width, height, flags, _, _ = _SCREEN.unpack_from(view)
    at = _SCREEN.size + _palette_bytes(flags)
    frames, transparent = 0, False
    while (kind := _byte(view, at)) != _TRAILER:
        match kind:
            case 0x2C:
                at = _frame_end(view, at, (width, height))
                frames += 1
            case 0x21:
                transparent |= (
                    _byte(view, at + 1) == _GRAPHIC_CONTROL and _byte(view, at + 3) & 1 == 1
                )
                at = _blocks_end(view, at + 2)
            case _:
                raise Unsound(f"damaged at byte {at:,} (no block)")
    ending_at(at + 1, view)
    if not frames:
        raise Unsound("a GIF without pixels")
    return sized(PictureFormat.GIF, width, height, limit, has_alpha=transparent)


def _frame_end(view: memoryview, at: int, screen: tuple[int, int]) -> int:
    if at + _FRAME.size > len(view):
        raise cut_off(view)
    _, left, top, width, height, flags = _FRAME.unpack_from(view, at)
    if left + width > screen[0] or top + height > screen[1]:
        raise Unsound("a GIF whose frames are larger than itself")
    return _blocks_end(view, at + _FRAME.size + _palette_bytes(flags) + 1)


def _blocks_end(view: memoryview, at: int) -> int:
    while length := _byte(view, at):
        at += 1 + length
    return at + 1


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _byte(view: memoryview, at: int) -> int:
    if at >= len(view):
        raise cut_off(view)
    return view[at]
