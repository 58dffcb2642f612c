"""What a single request says about its answer alone, and not about its images."""

from collections.abc import Mapping
from typing import Any

from api.refusals import Invalid

PARTIAL_LIMIT = 3
_TRUTH: Mapping[Any, bool] = {True: True, "true": True, False: False, "false": False, None: False}


def streamed(body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The body without that, and whether its answer is to be a stream of events.

    OpenAI promises no number of partial images: a final one may come before them. Ours always does.

    >>> streamed({"prompt": "a cat", "stream": True, "partial_images": 2})
    ({'prompt': 'a cat'}, True)
    >>> streamed({"prompt": "a cat", "response_format": "b64_json"})
    ({'prompt': 'a cat'}, False)

    Raises:
        Invalid: One of them is not what it can be.
    """
    rest = dict(body)
    stream, partial = rest.pop("stream", None), rest.pop("partial_images", None)
    if not isinstance(stream, bool | str | None) or stream not in _TRUTH:
        raise Invalid.field("stream", "invalid_type", "must be true or false")
    if partial is not None and str(partial) not in map(str, range(PARTIAL_LIMIT + 1)):
        detail = f"must be a whole number from 0 to {PARTIAL_LIMIT}"
        raise Invalid.field("partial_images", "invalid_value", detail)
    if rest.get("response_format") == "b64_json":
        del rest["response_format"]
    return rest, _TRUTH[stream]
