"""Reading a JPEG marker by marker to its end.

The format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf
"""

import re
import struct
from typing import Final

from darkroom.pictures.formats import Picture, PictureFormat, Unsound, cut_off, sized

SIGNATURE: Final = b"\xff\xd8\xff"

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LENGTH: Final = struct.Struct(">H")
_FRAME: Final = struct.Struct(">HBHH")
# In coded data 0xFF is followed by 0 (stuffing) or D0 to D7 (restarts); anything else is a marker.
_MARKER: Final = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
# Ten scans are usual. Each costs a pass over all pixels, so hundreds are an attack.
_MOST_SCANS: Final = 100


def read(view: memoryview, limit: int) -> Picture:
    """Return a JPEG that ends where it says, still undecoded. Raises Unsound.

    Further JPEGs may follow the first, as cameras append previews and depth maps.
    """
    width, height, end = _image(view, 0)
    picture = sized(PictureFormat.JPEG, width, height, limit, has_alpha=False)
    while end < len(view):
        if bytes(view[end : end + 2]) != SIGNATURE[:2]:
            raise Unsound(f"{len(view) - end:,} foreign bytes follow the end of the picture")
        end = _image(view, end)[2]
    return picture


def first_end(view: memoryview) -> int:
    """Return where the first JPEG ends, whatever follows it. Raises Unsound."""
    return _image(view, 0)[2]


def _image(view: memoryview, start: int) -> tuple[int, int, int]:
    """Return width, height and end of the JPEG that starts here."""
    sizes, scans, at = [], 0, start + 2
    while True:
        marker, at = _next_marker(view, at, in_scan=scans > 0)
        if marker == _EOI:
            break
        if marker in _FRAME_HEADERS:
            sizes.append(_size(view, at))
        scans += marker == _SOS
        at += _segment_bytes(view, at)
        if scans > _MOST_SCANS:
            raise Unsound(f"a JPEG of more than {_MOST_SCANS} scans")
    if len(sizes) != 1 or not scans:
        raise Unsound("a JPEG without exactly one picture")
    return *sizes[0], at


def _next_marker(view: memoryview, at: int, *, in_scan: bool) -> tuple[int, int]:
    found = _MARKER.search(view, at) if in_scan else _MARKER.match(view, at)
    if found:
        return found.group(1)[0], found.end()
    if in_scan or len(view) - at < len(SIGNATURE):
        raise cut_off(view)
    raise Unsound(f"damaged at byte {at:,} (no marker)")


def _segment_bytes(view: memoryview, at: int) -> int:
    if at + _LENGTH.size > len(view):
        raise cut_off(view)
    length: int = _LENGTH.unpack_from(view, at)[0]
    if length < _LENGTH.size:
        raise Unsound(f"damaged at byte {at:,} (segment length)")
    if at + length > len(view):
        raise cut_off(view)
    return length


def _size(view: memoryview, at: int) -> tuple[int, int]:
    if at + _FRAME.size > len(view):
        raise cut_off(view)
    _, _, height, width = _FRAME.unpack_from(view, at)
    return width, height
