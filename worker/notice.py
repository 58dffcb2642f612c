"""What holds up the calls of this worker, written down for whoever asks why nothing moves."""

from datetime import timedelta

from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.waiting import WaitingFor
from darkroom.limits import LONGEST_COOLING, Denied
from darkroom.store import holdups
from darkroom.store.session import StoreAway, transaction
from worker.tools import Tools

NO_PERMIT = "the limiter does not answer: no permit, so no call"

_EVERY_SECONDS = 1.0


def note(
    tools: Tools,
    provider: str,
    reason: WaitingFor,
    detail: str,
    span: timedelta | None = None,
    *,
    general: bool = False,
) -> None:
    """Writes down what holds up one provider's calls, once a second at most however many jobs meet it.

    General words leave particular ones that still hold.
    """
    noted_at, key, now = tools.holdings.noted_at, (provider, reason), tools.stopwatch()
    if now - noted_at.get(key, float("-inf")) < _EVERY_SECONDS:
        return
    noted_at[key] = now
    try:
        with transaction(tools.engine) as connection:
            holdups.note(connection, provider, reason, detail, span, general=general)
    except StoreAway:
        """Whoever asks could not be answered either."""


def over(tools: Tools, provider: str, *reasons: WaitingFor) -> None:
    """What this process wrote down holds no longer, for a call went on; a word of just now may be another's."""
    noted_at, now = tools.holdings.noted_at, tools.stopwatch()
    ended = [
        reason
        for reason in reasons
        if (at := noted_at.get((provider, reason))) is not None and now - at >= _EVERY_SECONDS
    ]
    if not ended:
        return
    for reason in ended:
        noted_at.pop((provider, reason), None)
    try:
        with transaction(tools.engine) as connection:
            holdups.end(connection, provider, ended)
    except StoreAway:
        """It ends by itself: nobody repeats it."""


def over_all(tools: Tools, *reasons: WaitingFor) -> None:
    """The same of every call of this worker."""
    for provider in tools.upstreams:
        over(tools, provider, *reasons)


def note_all(tools: Tools, reason: WaitingFor, detail: str) -> None:
    """Writes down what holds up every call of this worker."""
    for provider in tools.upstreams:
        note(tools, provider, reason, detail)


def note_denial(tools: Tools, provider: str, denied: Denied) -> None:
    """Writes down why the limiter gave no permit, in the general words that it has for that."""
    match denied.dimension:
        case "circuit":
            detail = "it is in trouble; one call at a time tries"
            note(tools, provider, WaitingFor.PROVIDER, detail, denied.wait, general=True)
        case "cool_down":
            detail = "it asked for a rest"
            note(tools, provider, WaitingFor.COOL_DOWN, detail, denied.wait, general=True)
        case "in_flight":
            """All places are taken: it goes on."""
        case dimension:
            detail = f"the limit on {dimension} admits the next call later"
            note(tools, provider, WaitingFor.RATE_LIMIT, detail, denied.wait)


def note_failure(tools: Tools, provider: str, failure: Failure, *, everybody: bool) -> None:
    """Writes down what the provider said, where it is said to everybody and not to one job."""
    if everybody:
        note(tools, provider, WaitingFor.PROVIDER, failure.message)
    elif failure.klass is FailureClass.RATE_LIMITED and failure.retry_after:
        rest = min(timedelta(seconds=failure.retry_after), LONGEST_COOLING)
        note(tools, provider, WaitingFor.COOL_DOWN, failure.message, rest)
