"""The value that somebody probably meant, of those that are allowed."""

import math
import re
from collections.abc import Sequence
from difflib import get_close_matches

_CLOSE = 0.6
_MEANT = {
    "best": "high",
    "hd": "high",
    "max": "high",
    "xhigh": "high",
    "ultra": "high",
    "standard": "medium",
    "normal": "medium",
    "draft": "low",
    "off": "low",
    "jpg": "jpeg",
    "none": "transparent",
    "white": "opaque",
}
"""Words of other models, other APIs and other people."""

_DAY = re.compile(r"-\d{4}-\d{2}-\d{2}$")
"""What makes of a model's name that of a snapshot of it."""


def nearest_word(value: str, allowed: Sequence[str]) -> str | None:
    """The allowed word that is nearest, if any is near.

    >>> nearest_word("HD", ["low", "medium", "high"]), nearest_word("max", ["low", "max"])
    ('high', 'max')
    >>> nearest_word("webpp", ["png", "webp"]), nearest_word("7", ["png", "webp"]) is None
    ('webp', True)
    """
    word = value.strip().lower()
    meant = word if word in allowed else _MEANT.get(word)
    if meant in allowed:
        return meant
    return next(iter(get_close_matches(word, allowed, n=1, cutoff=_CLOSE)), None)


def nearest_model(name: str, known: Sequence[str]) -> str | None:
    """The known model that is nearest, if any is near: a snapshot of a day that nobody knows means its model.

    >>> known = ["gpt-image-2", "gpt-image-2.5-flare-2026-09-08", "gpt-image-2.6-flare"]
    >>> nearest_model("gpt-image-2.6-flare-2026-11-04", known), nearest_model("gpt-image-2.6-flair", known)
    ('gpt-image-2.6-flare', 'gpt-image-2.6-flare')
    """
    return nearest_word(_DAY.sub("", name.strip()), known)


def nearest_number(value: str, low: int, high: int) -> int | None:
    """The whole number in this range that is nearest, if it is a number at all.

    >>> nearest_number("11", 1, 10), nearest_number("2.0", 1, 10), nearest_number("many", 1, 10)
    (10, 2, None)
    """
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else round(min(max(number, low), high))


def hint(nearest: object) -> str:
    """The end of a message that names it.

    >>> hint("high"), hint(None)
    ('; the nearest is high', '')
    """
    return "" if nearest is None else f"; the nearest is {nearest}"
