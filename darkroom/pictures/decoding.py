"""The only place where untrusted bytes meet a decoder.

Pillow keeps its pixel limit in a module global and warns before it raises. It is left alone: every
picture comes here with a size that was read from its header and is far below Pillow's own limit,
and one that turns out to have another size is refused before a pixel is decoded.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from PIL import Image

from darkroom.pictures.formats import Picture, Unsound

# What Pillow's readers let out when hostile bytes confuse them; Warning for those who raise warnings.
_CONFUSION: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)


@contextmanager
def opened(view: memoryview, picture: Picture) -> Iterator[Image.Image]:
    """Lend the picture, not yet decoded. Confusion of the decoder, also in the block, is Unsound."""
    try:
        with Image.open(BytesIO(view), formats=(picture.format.upper(),)) as image:
            if image.size != (picture.width, picture.height):
                raise Unsound("its headers disagree about its size")
            yield image
    except _CONFUSION as error:
        raise Unsound(f"cannot be decoded ({type(error).__name__})") from error


def decode_small(view: memoryview, picture: Picture) -> None:
    """Decode at an eighth of the size where the format can, to see that it can be done."""
    with opened(view, picture) as image:
        image.draft(None, (max(1, picture.width // 8), max(1, picture.height // 8)))
        image.load()
