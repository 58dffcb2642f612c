"""The headers of an answer that are worth keeping."""

from collections.abc import Iterable

_USEFUL = frozenset(
    {"content-type", "date", "openai-processing-ms", "x-request-id", "x-should-retry"}
)
_USEFUL_FAMILIES = ("retry-after", "x-ratelimit-")
_LONGEST_VALUE = 512


def useful(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that are worth keeping, clipped.

    >>> useful([("X-Request-Id", "req_1"), ("Set-Cookie", "a=b"), ("Retry-After-Ms", "467")])
    {'x-request-id': 'req_1', 'retry-after-ms': '467'}
    """
    lowered = ((name.lower(), value) for name, value in headers)
    return {
        name: value[:_LONGEST_VALUE]
        for name, value in lowered
        if name in _USEFUL or name.startswith(_USEFUL_FAMILIES)
    }
