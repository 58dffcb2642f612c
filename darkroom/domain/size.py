"""Which image sizes a model makes, and the nearest one it does make."""

from darkroom.domain.models import AUTO, SizeRule, parse_size


def size_error(rule: SizeRule, size: str) -> str | None:
    """Why a model refuses this size, with the nearest it accepts; None where it accepts it.

    >>> rule = SizeRule(("1024x1024",), 16, 3840, 3, 655_360, 8_294_400)
    >>> size_error(rule, "1080x1920")
    'both edges must be divisible by 16; the nearest is 1088x1920'
    >>> size_error(rule, "3840x1080")
    'the ratio is above 3:1; the nearest is 3264x1088'
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
        return f"is not made by this model; choose {', '.join(rule.presets)} or {AUTO}"
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
    """An accepted size near this one: edges to the grid, then ratio, edge and pixels within the rule.

    >>> nearest(SizeRule(("1024x1024",), 16, 3840, 3, 655_360, 8_294_400), 500, 500)
    '816x816'
    """
    step = rule.multiple or 1
    long, short = max(width, height, step), max(min(width, height), step)
    long = min(long, rule.max_ratio * _on_grid(short, step))
    scale = 1.0
    if long * short < rule.min_pixels:
        scale = (rule.min_pixels / (long * short)) ** 0.5
    elif long * short > rule.max_pixels:
        scale = (rule.max_pixels / (long * short)) ** 0.5
    long, short = min(_on_grid(long * scale, step), rule.max_edge), _on_grid(short * scale, step)
    long, short = _within(rule, long, short, step)
    return f"{long}x{short}" if width >= height else f"{short}x{long}"


def _on_grid(length: float, step: int) -> int:
    return max(int(length / step + 0.5), 1) * step


def _within(rule: SizeRule, long: int, short: int, step: int) -> tuple[int, int]:
    """Rounding may leave the rule by one step of the grid; step back into it."""
    while long * short > rule.max_pixels:
        long -= step
    while long > rule.max_ratio * short or long * short < rule.min_pixels:
        short += step
    return max(long, short), min(long, short)
