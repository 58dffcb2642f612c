"""How many tokens an image, a prompt and a reference count.

The formula of gpt-image-2 and 2.5 reproduces every published price. Older models have a table of
three sizes. For 2.6 nothing is published; measured values are approximated.
"""

import math
import unicodedata
from collections.abc import Callable, Mapping

OutputTokens = Callable[[int, int, str], int]

GRID_2: dict[str, int] = {"low": 16, "medium": 48, "high": 96}
GRID_2_5: dict[str, int] = {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96}
_PRESETS: dict[str, tuple[int, int, int]] = {
    "low": (272, 408, 400),
    "medium": (1056, 1584, 1568),
    "high": (4160, 6240, 6208),
}
# Measured on 1536x1024: low 664 against 158 of 2.5; high and above as 2.5.
_GROWTH_2_6: dict[str, float] = {"low": 4.2, "medium": 3.0}
_TOKENS_PER_REFERENCE = 950
_REFERENCE_FLOOR = 240
_REFERENCE_CAP = 3800
# A common rule of thumb, and not what anybody's estimates go by.
_CHARACTERS_PER_TOKEN = 4


def by_grid(grid: Mapping[str, int]) -> OutputTokens:
    """The closed formula, for a model whose qualities are the given grid factors.

    >>> by_grid({"high": 96})(1024, 1024, "high")
    7024
    """

    def tokens(width: int, height: int, quality: str) -> int:
        factor, long, short = grid[quality], max(width, height), min(width, height)
        side = (2 * factor * short + long) // (2 * long)
        return math.ceil(factor * side * (2_000_000 + width * height) / 4_000_000)

    return tokens


def by_preset(width: int, height: int, quality: str) -> int:
    """The table of the models that know three sizes only.

    >>> by_preset(1536, 1024, "low")
    400
    """
    square, portrait, landscape = _PRESETS[quality]
    if width == height:
        return square
    return portrait if height > width else landscape


def by_measurement(width: int, height: int, quality: str) -> int:
    """What 2.6 was seen to count, approximately.

    >>> by_measurement(1536, 1024, "low")
    664
    """
    return round(by_grid(GRID_2_5)(width, height, quality) * _GROWTH_2_6.get(quality, 1.0))


def text_tokens(text: str) -> int:
    """About four characters a token, and one token for a wide (CJK) character.

    >>> text_tokens("a red fox"), text_tokens("赤い狐")
    (3, 3)
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return wide + math.ceil((len(text) - wide) / _CHARACTERS_PER_TOKEN)


def reference_tokens(width: int, height: int) -> int:
    """The input tokens of one reference image: by its area, with a floor and a cap.

    >>> reference_tokens(1024, 1024), reference_tokens(16, 16), reference_tokens(4096, 4096)
    (950, 240, 3800)
    """
    scaled = math.ceil(_TOKENS_PER_REFERENCE * width * height / (1024 * 1024))
    return max(_REFERENCE_FLOOR, min(scaled, _REFERENCE_CAP))
