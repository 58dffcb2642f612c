"""What a person can do about a row that has no image, by the class of its failure."""

from collections.abc import Mapping

from darkroom.cli.caller import command
from darkroom.domain.failure import FailureClass
from darkroom.domain.job import JobState

_AGAIN = "try it again with `{retry}`"
_REWORD = "say it in other words, or leave it out"
_CORRECT = "correct the row as the message says and submit it anew"
_PAID = "it may have been paid for; `{retry} --only unknown` tries it all the same"

HINTS: Mapping[str, str] = {
    FailureClass.RATE_LIMITED: _AGAIN,
    FailureClass.UNREACHABLE: _AGAIN,
    FailureClass.OVERLOADED: _AGAIN,
    FailureClass.SERVER_ERROR: _AGAIN,
    FailureClass.INCOMPLETE: _AGAIN,
    FailureClass.KEY: "correct the provider's key or its quota, then `{resume}`",
    FailureClass.MODERATION: _REWORD,
    FailureClass.INVALID_REQUEST: _CORRECT,
    FailureClass.UNKNOWN_OUTCOME: _PAID,
    FailureClass.WITHHELD: "its answer is kept for 7 days: act as the message says, then "
    "`{retry} --only unknown` reads it again before anything is paid",
    FailureClass.WORKER_LOST: _PAID,
    FailureClass.POISON: "see what is special in it and why workers die of it (memory?); "
    "`{retry} --only poison` tries it all the same",
    FailureClass.STORE_AWAY: _AGAIN,
    FailureClass.LEASE_SHORT: _AGAIN,
    JobState.CANCELLED: "the batch was cancelled before its turn; submit it anew if it is wanted",
    JobState.EXPIRED: "the deadline came before its turn; `{retry}` gives it another",
}


def hint(klass: str, batch_id: str) -> str:
    """What to do about a failure of this class; nothing is known of a class of a later version.

    >>> hint("moderation", "batch_1")
    'say it in other words, or leave it out'
    """
    said = HINTS.get(klass, "")
    return said.format(retry=command("retry", batch_id), resume=command("resume", batch_id))
