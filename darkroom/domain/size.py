"""Which image sizes a model makes, and the nearest one it does make."""

import re
from collections.abc import Iterator
from functools import lru_cache
from math import log

from darkroom.domain.models import AUTO, SizeRule, parse_size
from darkroom.domain.suggestion import hint

_LOOSE = re.compile(r"([1-9]\d{0,5})(?:px)?\s*(?:[x*×:/]|by)\s*([1-9]\d{0,5})(?:px)?")
_RATIO_BELOW = 100
"""Whoever writes smaller numbers means a shape: 16:9."""
_SHAPES = {"square": (1024, 1024), "landscape": (1536, 1024), "portrait": (1024, 1536)}
"""What people call sizes, as the API's own presets have them."""


@lru_cache(maxsize=256)  # a wrong size mostly stands in every row
def size_error(rule: SizeRule, size: str) -> str | None:
    """Why a model refuses this size, with the nearest it accepts; None where it accepts it.

    >>> rule = SizeRule(("1024x1024",), 16, 3840, 3, 655_360, 8_294_400)
    >>> size_error(rule, "1080x1920")
    'both edges must be divisible by 16; the nearest is 1088x1920'
    >>> size_error(rule, "3840x1080")
    'the ratio is above 3:1; the nearest is 3792x1264'
    >>> size_error(rule, "2880x2880") is None
    True
    """
    if size == AUTO or size in rule.presets:
        return None
    try:
        width, height = parse_size(size)
    except ValueError:
        fix = f"is no size; write WIDTHxHEIGHT such as {rule.presets[0]}, or {AUTO}"
        return fix + hint(_meant(rule, size))
    if rule.multiple is None:
        close = nearest(rule, width, height)
        return f"is not made by this model; choose {', '.join(rule.presets)} or {AUTO}; the nearest is {close}"
    reason = _broken_rule(rule, width, height)
    return f"{reason}; the nearest is {nearest(rule, width, height)}" if reason else None


def _meant(rule: SizeRule, text: str) -> str | None:
    """The accepted size that somebody probably meant who writes sizes in another way.

    >>> rule = SizeRule(("1024x1024", "1536x1024"), 16, 3840, 3, 655_360, 8_294_400)
    >>> _meant(rule, "1024 X 1000"), _meant(rule, "Square"), _meant(rule, "large")
    ('1024x1008', '1024x1024', None)
    >>> _meant(rule, "16:9"), _meant(rule, "3:2")
    ('1280x720', '1536x1024')
    """
    word = text.strip().lower()
    if word == AUTO:
        return AUTO
    if found := _LOOSE.fullmatch(word):
        width, height = int(found[1]), int(found[2])
        return (_shaped if max(width, height) < _RATIO_BELOW else nearest)(rule, width, height)
    return nearest(rule, *_SHAPES[word]) if word in _SHAPES else None


def _broken_rule(rule: SizeRule, width: int, height: int) -> str | None:
    multiple = rule.multiple or 1
    short, long = min(width, height), max(width, height)
    if long > rule.max_edge:
        return f"the longer edge is above {rule.max_edge}"
    if long > rule.max_ratio * short:
        return f"the ratio is above {rule.max_ratio}:1"
    if width % multiple or height % multiple:
        return f"both edges must be divisible by {multiple}"
    if width * height < rule.min_pixels:
        return f"it has {width * height:,} pixels, fewer than {rule.min_pixels:,}"
    if width * height > rule.max_pixels:
        return f"it has {width * height:,} pixels, more than {rule.max_pixels:,}"
    return None


def nearest(rule: SizeRule, width: int, height: int) -> str:
    """The accepted size that is nearest to this one, both edges counted alike; the larger of two as near.

    Of presets, the one of the nearest shape.

    >>> rule = SizeRule(("1024x1024",), 16, 3840, 3, 655_360, 8_294_400)
    >>> nearest(rule, 500, 500), nearest(rule, 1080, 1920), nearest(rule, 3840, 1080)
    ('816x816', '1088x1920', '3792x1264')
    >>> nearest(SizeRule(("1024x1024", "1536x1024")), 2048, 1152)
    '1536x1024'
    >>> nearest(SizeRule(("1024x1024", "1536x1024")), 2048, 2048)
    '1024x1024'
    """
    made = list(_columns(rule, height)) if rule.multiple else [parse_size(s) for s in rule.presets]
    asked = (width, height)
    best = min(
        made, key=lambda one: (_skew(rule, one, asked), _distance(one, asked), -one[0] * one[1])
    )
    return f"{best[0]}x{best[1]}"


def _shaped(rule: SizeRule, width: int, height: int) -> str:
    """The accepted size of the nearest shape: a preset, or about as large as the first of them.

    >>> rule = SizeRule(("1024x1024",), 16, 3840, 3, 655_360, 8_294_400)
    >>> _shaped(rule, 9, 16), _shaped(rule, 21, 9), _shaped(rule, 4, 1)
    ('720x1280', '1568x672', '1776x592')
    """
    wide, high = min(width, rule.max_ratio * height), min(height, rule.max_ratio * width)
    asked = (wide, high) if rule.multiple else (width, height)
    presets = [parse_size(one) for one in rule.presets]
    usual = presets[0][0] * presets[0][1]
    made = presets if rule.multiple is None else [*presets, *_alike(rule, *asked)]
    best = min(
        made,
        key=lambda one: (_skewed(one, asked), one not in presets, abs(one[0] * one[1] - usual)),
    )
    return f"{best[0]}x{best[1]}"


def _alike(rule: SizeRule, width: int, height: int) -> Iterator[tuple[int, int]]:
    """For every height that there is, the width that comes nearest to this shape, where the model makes it."""
    step = rule.multiple or 1
    for edge in range(step, rule.max_edge + 1, step):
        other = (2 * edge * width + height * step) // (2 * height * step) * step
        if other and _broken_rule(rule, other, edge) is None:
            yield other, edge


def _skew(rule: SizeRule, one: tuple[int, int], other: tuple[int, int]) -> float:
    """How much another shape one of a few presets is: somebody who asks for a large square wants a square."""
    return 0.0 if rule.multiple else _skewed(one, other)


def _skewed(one: tuple[int, int], other: tuple[int, int]) -> float:
    return abs(log(one[0] * other[1]) - log(one[1] * other[0]))


def _distance(one: tuple[int, int], other: tuple[int, int]) -> int:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _columns(rule: SizeRule, height: int) -> Iterator[tuple[int, int]]:
    """For every width that there is, the height nearest to this one."""
    step = rule.multiple or 1
    for width in range(step, rule.max_edge + 1, step):
        least = max(-(-width // rule.max_ratio), -(-rule.min_pixels // width), step)
        most = min(width * rule.max_ratio, rule.max_pixels // width, rule.max_edge)
        low, high = -(-least // step) * step, most // step * step
        if low <= high:
            yield width, min(max((2 * height + step) // (2 * step) * step, low), high)
