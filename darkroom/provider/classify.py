"""What an error answer means for the attempt that got it."""

from darkroom.domain.answer import Answer
from darkroom.domain.failure import Failure, FailureClass
from darkroom.provider.complaint import Complaint, complaint, quoted
from darkroom.provider.hint import retry_after
from darkroom.provider.meanings import ROWS, Row

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
    return Failure(row.klass, code, _message(row, said), answer.status, hint, billed)


def _was_drawn(row: Row, said: Complaint) -> bool:
    """Whether the safety system may have refused an image, and not only its prompt."""
    return row.klass is FailureClass.MODERATION and said.stage in ("output", "unknown")


def _message(row: Row, said: Complaint) -> str:
    """Our sentence and the provider's; the latter is left out where it could repeat the prompt."""
    if row.klass is FailureClass.MODERATION:
        found = ", ".join(said.findings)
        return f"{row.means} ({found})" if found else row.means
    words = quoted(said.message)
    if not words or said.param == "prompt":
        return f"{row.means} (HTTP {said.status})"
    return f"{row.means} (HTTP {said.status}): {words}"
