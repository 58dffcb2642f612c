"""When the provider says to come back."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LONGEST = 86_400.0
"""No hint holds us longer than a day."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SPAN = r"(\d{1,9}(?:\.\d{1,9})?)\s?(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)"
_ONE_SPAN = re.compile(_SPAN, re.IGNORECASE)
_SPANS = re.compile(rf"(?:again|retry) (?:in|after) ((?:{_SPAN}[ ,]{{0,2}})+)", re.IGNORECASE)


def retry_after(headers: Mapping[str, str], message: str) -> float | None:
    """Seconds to wait: the finest header that makes sense, else what the message says.

    "Come back at once" is no hint: it would set our own patience aside.

    https://developers.openai.com/api/docs/guides/rate-limits

    >>> retry_after({"retry-after-ms": "467", "retry-after": "1"}, "")
    0.467
    >>> retry_after({}, "Rate limit reached. Please try again in 1m2s.")
    62.0
    >>> retry_after({"retry-after": "0"}, "") is None
    True
    """
    hints = (
        _number(headers.get("retry-after-ms", ""), 0.001),
        _number(headers.get("retry-after", ""), 1.0),
        _until(headers.get("retry-after", ""), headers.get("date", "")),
        _spoken(message),
    )
    return next((min(hint, LONGEST) for hint in hints if hint), None)


def _number(text: str, unit: float) -> float | None:
    try:
        seconds = float(text) * unit
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _until(moment: str, now: str) -> float | None:
    """A date counts from the answer's own, so that no clock of ours is trusted."""
    try:
        seconds = (parsedate_to_datetime(moment) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(seconds, 0.0)


def _spoken(message: str) -> float | None:
    found = _SPANS.search(message)
    return span(found[1]) if found else None


def span(text: str) -> float | None:
    """Seconds of a span in words, if there is one.

    >>> span("6m0s"), span("20ms"), span("soon")
    (360.0, 0.02, None)
    """
    found = _ONE_SPAN.findall(text)
    return sum(float(number) * _unit(word) for number, word in found) if found else None


def _unit(word: str) -> float:
    """Seconds in a unit.

    >>> _unit("ms"), _unit("Minutes"), _unit("sec")
    (0.001, 60.0, 1.0)
    """
    short = word.lower()
    return _SECONDS["ms"] if short.startswith(("ms", "milli")) else _SECONDS[short[0]]
