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
    return Failure(row.klass, said.code or row.name, _message(row, said), answer.status, hint)


def _message(row: Row, said: Complaint) -> str:
    """Our sentence and the provider's; the latter is left out where it could repeat the prompt."""
    if row.klass is FailureClass.MODERATION:
        found = ", ".join(said.findings)
        return f"{row.means} ({found})" if found else row.means
    words = quoted(said.message)
    if not words or said.param == "prompt":
        return f"{row.means} (HTTP {said.status})"
    return f"{row.means} (HTTP {said.status}): {words}"
