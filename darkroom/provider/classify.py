"""What an error answer means for the attempt that got it."""

from re import split

from darkroom.domain.answer import Answer
from darkroom.domain.failure import Failure, FailureClass
from darkroom.provider.answer import ELSEWHERE
from darkroom.provider.complaint import Complaint, complaint, quoted
from darkroom.provider.hint import retry_after
from darkroom.provider.meanings import ROWS, Row

_REDIRECTS = range(300, 400)
_HINTED = {FailureClass.RATE_LIMITED, FailureClass.OVERLOADED, FailureClass.SERVER_ERROR}


def classify(answer: Answer) -> Failure:
    """Why this answer brings no image.

    >>> body = b'{"error": {"code": "billing_hard_limit_reached", "message": "Billing hard limit"}}'
    >>> classify(Answer(400, {}, body, 12)).klass
    <FailureClass.KEY: 'key'>
    """
    said = complaint(answer)
    row = next(row for row in ROWS if row.fits(said))
    hint = retry_after(answer.headers, said.message) if row.klass in _HINTED else None
    code, billed = said.code or row.name, row.perhaps_billed or _was_drawn(row, said)
    message = _message(row, said, _base_of(answer.headers.get(ELSEWHERE, "")))
    return Failure(row.klass, code, message, answer.status, hint, billed)


def _was_drawn(row: Row, said: Complaint) -> bool:
    """Whether the safety system may have refused an image, and not only its prompt."""
    return row.klass is FailureClass.MODERATION and said.stage in ("output", "unknown")


def _base_of(location: str) -> str:
    """The base URL of where a redirect points to, without what a query may hold.

    >>> _base_of("https://new.example/v1/images/generations?a=b")
    'https://new.example/v1'
    """
    plain = split("[?#]", location, maxsplit=1)[0]
    return quoted(plain.removesuffix("/images/generations").removesuffix("/images/edits"))


def _message(row: Row, said: Complaint, elsewhere: str) -> str:
    """Our sentence and the provider's; the latter is left out where it could repeat the prompt."""
    if row.klass is FailureClass.MODERATION:
        found = ", ".join(said.findings)
        return f"{row.means} ({found})" if found else row.means
    if elsewhere and said.status in _REDIRECTS:
        return f"{row.means} (HTTP {said.status}): {elsewhere}"
    words = quoted(said.message)
    if not words or said.param == "prompt":
        return f"{row.means} (HTTP {said.status})"
    return f"{row.means} (HTTP {said.status}): {words}"
