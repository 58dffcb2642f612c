"""Small views of pictures for the gallery."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from darkroom.pictures.decoding import opened
from darkroom.pictures.formats import NotAPicture, Unsound
from darkroom.pictures.inspection import inspect

EDGE: Final = 256
_QUALITY: Final = 80


def thumbnail(data: bytes | memoryview, edge: int = EDGE) -> bytes | NotAPicture:
    """Return a WebP that fits into `edge` × `edge` pixels, upright, never enlarged.

    Bytes in, bytes out: hostile bytes give NotAPicture and raise nothing.
    """
    picture = inspect(data)
    if isinstance(picture, NotAPicture):
        return picture
    try:
        with opened(memoryview(data).cast("B"), picture) as image:
            return _small_webp(image, edge)
    except Unsound as unsound:
        return NotAPicture(str(unsound))


def _small_webp(image: Image.Image, edge: int) -> bytes:
    image.draft(None, (2 * edge, 2 * edge))
    ImageOps.exif_transpose(image, in_place=True)
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((edge, edge), reducing_gap=2.0)
    target = BytesIO()
    small.save(target, "WEBP", quality=_QUALITY)
    return target.getvalue()
