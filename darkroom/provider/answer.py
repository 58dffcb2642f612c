"""The headers of an answer that are worth keeping."""

from collections.abc import Iterable

ELSEWHERE = "x-location"
"""Where a redirect points to: under its own name the SDK would send the request after it."""

_USEFUL = frozenset(
    {"content-type", "date", "openai-processing-ms", "x-request-id", "x-should-retry", ELSEWHERE}
)
_RENAMED = {"location": ELSEWHERE}
_USEFUL_FAMILIES = ("retry-after", "x-ratelimit-")
_LONGEST_VALUE = 512


def useful(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that are worth keeping, clipped.

    >>> useful([("X-Request-Id", "req_1"), ("Set-Cookie", "a=b"), ("Retry-After-Ms", "467")])
    {'x-request-id': 'req_1', 'retry-after-ms': '467'}
    """
    lowered = ((_RENAMED.get(name.lower(), name.lower()), value) for name, value in headers)
    return {
        name: value[:_LONGEST_VALUE]
        for name, value in lowered
        if name in _USEFUL or name.startswith(_USEFUL_FAMILIES)
    }
