"""Lines and bars as SVG paths: drawn here, so that a chart needs no script and can be printed."""

from collections.abc import Sequence

from darkroom.store.pace import Pace

WIDTH = 600
HEIGHT = 120


def bars(values: Sequence[float], top: float, width: int = WIDTH, height: int = HEIGHT) -> str:
    """A path of one bar for each value; a value of `top` is as high as the chart.

    >>> bars([1, 2], top=2, width=20, height=10)
    'M0.5 10V5H9.5V10ZM10.5 10V0H19.5V10Z'
    """
    if not values or top <= 0:
        return ""
    step = width / len(values)
    gap = step / 20
    return "".join(
        f"M{_n(i * step + gap)} {height}V{_n(height * (1 - value / top))}H{_n((i + 1) * step - gap)}V{height}Z"
        for i, value in enumerate(values)
        if value > 0
    )


def line(
    values: Sequence[float | None], top: float, width: int = WIDTH, height: int = HEIGHT
) -> str:
    """A path through the middles of the spans; where there is no value it goes straight on.

    >>> line([1, None, 2], top=2, width=30, height=10), line([1], top=2, width=30, height=10)
    ('M5 5L25 0', 'M0 5H30')
    """
    if not values or top <= 0:
        return ""
    step = width / len(values)
    if len(values) == 1 and values[0] is not None:
        return f"M0 {_n(height * (1 - values[0] / top))}H{width}"
    points = [
        f"{_n((i + 0.5) * step)} {_n(height * (1 - value / top))}"
        for i, value in enumerate(values)
        if value is not None
    ]
    return f"M{'L'.join(points)}" if points else ""


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def per_minute(pace: Pace) -> list[float]:
    """Images' calls that succeeded, a minute, in each span."""
    return [span.made * 60 / pace.seconds for span in pace.spans]


def calls_per_minute(pace: Pace) -> list[float]:
    """Calls that ended, those in vain too, a minute, in each span."""
    return [(span.made + span.missed) * 60 / pace.seconds for span in pace.spans]


def medians(pace: Pace) -> list[float | None]:
    """Seconds that half of the calls took less than, in each span."""
    return [None if span.median_ms is None else span.median_ms / 1000 for span in pace.spans]


def slowest(pace: Pace) -> list[float | None]:
    """Seconds that one call in twenty took longer than, in each span."""
    return [None if span.slowest_ms is None else span.slowest_ms / 1000 for span in pace.spans]


def top(values: Sequence[float | None]) -> float:
    """The scale of a chart of these: the least of 1, 2, 5, 10, 20, … that holds them all.

    >>> top([3.2, None, 17]), top([]), top([0.4])
    (20.0, 1.0, 1.0)
    """
    most = max((value for value in values if value is not None), default=0)
    scale = 1.0
    while scale < most:
        scale *= 2.5 if str(scale)[0] == "2" else 2
    return scale
