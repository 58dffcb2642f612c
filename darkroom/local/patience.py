"""Waiting with a deadline."""

import time
from collections.abc import Callable

PAUSE = 0.02


def until(happened: Callable[[], bool], seconds: float) -> bool:
    """Whether it happened within so many seconds; asked every 20 ms, and once at least.

    >>> until(lambda: True, 0)
    True
    >>> until(lambda: False, 0)
    False
    """
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() >= deadline:
            return False
        time.sleep(PAUSE)
    return True
