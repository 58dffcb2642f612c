"""What an answer says about limits: in its headers, and in the words of a refusal."""

import re
from collections.abc import Mapping
from datetime import timedelta

from darkroom.domain.answer import Answer
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.limit import Dimension, Heard, Sign
from darkroom.provider.complaint import complaint
from darkroom.provider.hint import span

_MINUTE = 60.0
_HEADERS = {
    Dimension.REQUESTS: "requests",
    Dimension.IMAGES: "images",
    Dimension.TOKENS: "tokens",
    Dimension.INPUT_IMAGES: "input-images",
}
_WORDS = (
    (Dimension.INPUT_IMAGES, re.compile(r"input[- ]images per min", re.IGNORECASE)),
    (Dimension.IMAGES, re.compile(r"images per min|\bIPM\b", re.IGNORECASE)),
    (Dimension.TOKENS, re.compile(r"tokens per min|\bTPM\b", re.IGNORECASE)),
    (Dimension.REQUESTS, re.compile(r"requests per min|\bRPM\b", re.IGNORECASE)),
)
_LIMIT = re.compile(r"\bLimit:? (\d{1,9})\b")
_REQUESTED = re.compile(r"\bRequested:? (\d{1,9})\b")


def hear(answer: Answer, failure: Failure | None) -> Heard:
    """How an answer looks from the border; `failure` is what it was classified as, if it brought no image.

    Limits by the minute only: one that resets later than in a minute is counted over a longer time.
    https://developers.openai.com/api/docs/guides/rate-limits

    >>> body = b'{"error": {"message": "on images per min (IPM): Limit 5, Used 5, Requested 1."}}'
    >>> hear(Answer(429, {}, body, 1), Failure(FailureClass.RATE_LIMITED, "", "")).limits
    {<Dimension.IMAGES: 'images'>: 5}

    Whoever asks for more at once than the limit is always refused, which says nothing of our pace:

    >>> body = b'{"error": {"message": "on images per min (IPM): Limit 5, Used 0, Requested 10."}}'
    >>> hear(Answer(429, {}, body, 1), Failure(FailureClass.RATE_LIMITED, "", "")).hopeless
    True
    """
    limits = stated(answer.headers)
    if failure is None or failure.klass is not FailureClass.RATE_LIMITED:
        return Heard(sign_of(failure), limits=limits)
    said = complaint(answer).message
    exhausted = next((one for one, words in _WORDS if words.search(said)), None)
    found = _LIMIT.search(said)
    if exhausted and found and int(found[1]):
        limits = {**limits, exhausted: int(found[1])}
    requested = _REQUESTED.search(said)
    if found and requested and int(requested[1]) > int(found[1]):
        return Heard(Sign.FINE, limits=limits, hopeless=True)
    hint = timedelta(seconds=failure.retry_after or 0)
    return Heard(Sign.REFUSED, hint, exhausted, limits)


def sign_of(failure: Failure | None) -> Sign:
    """Whether a failure is the provider's trouble or the request's own.

    >>> sign_of(Failure(FailureClass.MODERATION, "", ""))
    <Sign.FINE: 'fine'>
    """
    match failure.klass if failure else None:
        case FailureClass.RATE_LIMITED:
            return Sign.REFUSED
        case (
            FailureClass.UNREACHABLE
            | FailureClass.OVERLOADED
            | FailureClass.SERVER_ERROR
            | FailureClass.UNKNOWN_OUTCOME
        ):
            return Sign.TROUBLE
        case _:
            return Sign.FINE


def stated(headers: Mapping[str, str]) -> dict[Dimension, int]:
    """The limits a minute that an answer's headers state.

    >>> stated({"x-ratelimit-limit-requests": "50", "x-ratelimit-reset-requests": "1.2s"})
    {<Dimension.REQUESTS: 'requests'>: 50}
    >>> stated({"x-ratelimit-limit-requests": "200", "x-ratelimit-reset-requests": "7m12s"})
    {}
    """
    found = {}
    for dimension, name in _HEADERS.items():
        limit = headers.get(f"x-ratelimit-limit-{name}", "")
        reset = span(headers.get(f"x-ratelimit-reset-{name}", ""))
        by_minute = reset is None or reset <= _MINUTE
        if limit.isascii() and limit.isdigit() and len(limit) <= 9 and int(limit) and by_minute:  # noqa: PLR2004
            found[dimension] = int(limit)
    return found
