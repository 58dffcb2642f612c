"""Which image sizes a model makes, and the nearest one it does make."""

from collections.abc import Iterator

from darkroom.domain.models import AUTO, SizeRule, parse_size


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
        return f"is no size; write WIDTHxHEIGHT such as {rule.presets[0]}, or {AUTO}"
    if rule.multiple is None:
        close = nearest(rule, width, height)
        return f"is not made by this model; choose {', '.join(rule.presets)} or {AUTO}; the nearest is {close}"
    reason = _broken_rule(rule, width, height)
    return f"{reason}; the nearest is {nearest(rule, width, height)}" if reason else None


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

    >>> rule = SizeRule(("1024x1024",), 16, 3840, 3, 655_360, 8_294_400)
    >>> nearest(rule, 500, 500), nearest(rule, 1080, 1920), nearest(rule, 3840, 1080)
    ('816x816', '1088x1920', '3792x1264')
    >>> nearest(SizeRule(("1024x1024", "1536x1024")), 2048, 1152)
    '1536x1024'
    """
    made = list(_columns(rule, height)) if rule.multiple else [parse_size(s) for s in rule.presets]
    best = min(made, key=lambda size: (_distance(size, (width, height)), -size[0] * size[1]))
    return f"{best[0]}x{best[1]}"


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
