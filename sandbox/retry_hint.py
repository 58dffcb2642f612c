"""How long to wait, in the provider's words and headers."""

import math


def retry_headers(seconds: float) -> dict[str, str]:
    """The two headers that tell a caller how long to wait.

    >>> retry_headers(0.25)
    {'retry-after': '1', 'retry-after-ms': '250'}
    """
    return {
        "retry-after": str(math.ceil(seconds)),
        "retry-after-ms": str(math.ceil(seconds * 1000)),
    }


def duration(seconds: float) -> str:
    """A time as the provider writes it.

    >>> duration(0.467), duration(12), duration(1.5), duration(360)
    ('467ms', '12s', '1.5s', '6m0s')
    """
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
