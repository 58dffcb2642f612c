"""What a picture looks like in a few bytes: whether there is anything in it, and what it resembles."""

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFilter

from darkroom.pictures.decoding import opened
from darkroom.pictures.formats import NotAPicture, Unsound
from darkroom.pictures.inspection import inspect

_COLUMNS, _ROWS = 9, 8
_SEEN: Final = 64
"""Pixels of the edge at which a picture is looked at."""

_SPOTS: Final = 8
"""Spots of the edge whose colours are told."""

_EVEN: Final = 6
"""Grey values between the darkest and the lightest spot of what counts as one even surface."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much there is to see, 64 bits that are nearly the same for pictures that nearly are, and colours.

    The bits say where a picture grows lighter from left to right (a difference hash):
    https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
    """

    contrast: int
    """From the darkest to the lightest spot, in grey values from 0 to 255, single pixels left out."""
    bits: int
    spots: bytes
    """Red, green and blue of 8 by 8 spots."""

    @property
    def blank(self) -> bool:
        """Whether it is one even surface."""
        return self.contrast <= _EVEN


def likeness(data: bytes | memoryview) -> Likeness | NotAPicture:
    """What the bytes look like; decoded once, at a fraction of the size where the format can."""
    picture = inspect(data)
    if isinstance(picture, NotAPicture):
        return picture
    try:
        with opened(memoryview(data).cast("B"), picture) as image:
            return _looked(image)
    except Unsound as unsound:
        return NotAPicture(str(unsound))


def _looked(image: Image.Image) -> Likeness:
    image.draft("RGB", (2 * _SEEN, 2 * _SEEN))
    flat = Image.new("RGBA", image.size, "white")
    shown = Image.alpha_composite(flat, image.convert("RGBA")) if _clear(image) else image
    seen = shown.convert("RGB").resize((_SEEN, _SEEN), Image.Resampling.BOX)
    grey = seen.convert("L")
    shades = grey.filter(ImageFilter.MedianFilter(3)).tobytes()
    small = grey.resize((_COLUMNS, _ROWS), Image.Resampling.BOX).tobytes()
    bits = 0
    for row in range(_ROWS):
        for column in range(_COLUMNS - 1):
            place = row * _COLUMNS + column
            bits = bits << 1 | (small[place] < small[place + 1])
    spots = seen.resize((_SPOTS, _SPOTS), Image.Resampling.BOX).tobytes()
    return Likeness(max(shades) - min(shades), bits, spots)


def _clear(image: Image.Image) -> bool:
    return bool(image.has_transparency_data)
