"""When a job whose attempt brought no image is tried again, and when it is given up."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum, auto
from typing import assert_never

from darkroom.domain.failure import LOSING, Failure, FailureClass, Reaction

_LARGEST_EXPONENT = 32
"""2**32 base delays are longer than any cap; beyond it the power only overflows."""


class OnUnknown(StrEnum):
    """What becomes of a job when nobody knows whether its image was made and billed."""

    RETRY = auto()
    """Ask once more after a cool-down: at worst one image is paid for twice, and reports say so."""
    FAIL = auto()
    """Never send it again by itself: nothing is ever paid for twice."""


class OnModeration(StrEnum):
    """What becomes of a job whose prompt or image the safety system refused."""

    FAIL = auto()
    """It fails; the same request would be refused again."""
    LOW = auto()
    """It is tried once more with `moderation` low, and fails if that is refused, too."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient we are with a job; every wait is a `due_at` in Postgres, never a sleeping worker."""

    failures: int = 5
    """Answers in vain that are borne before the job is given up."""
    perhaps_billed: int = 3
    """As many of those, where one of them may have been billed."""
    base: timedelta = timedelta(seconds=1)
    """The ceiling of the first backoff; it doubles with every failure.

    Twice the first delay of OpenAI's own client, whose delays vary by a quarter, where ours begin with nothing.
    https://github.com/openai/openai-python/blob/main/src/openai/_constants.py
    """
    cap: timedelta = timedelta(minutes=5)
    """The ceiling that is never exceeded."""
    wait: timedelta = timedelta(seconds=5)
    """How long a job waits when the provider is in trouble and gives no hint."""
    on_unknown: OnUnknown = OnUnknown.RETRY
    unknowns: int = 1
    """How many unknown outcomes a job may have behind it and still be sent again."""
    losses: int = 3
    """Workers that are lost over a job before it is taken for poison."""
    cool_down: timedelta = timedelta(seconds=60)
    """How long late evidence of an unknown outcome is waited for before it is sent again."""


@dataclass(frozen=True, slots=True)
class History:
    """What a job has behind it, this attempt included."""

    failures: int = 0
    unknowns: int = 0
    refusals: int = 0
    """How often the safety system refused it."""
    losses: int = 0
    """How often its worker was lost, or stood still for too long, between the begin of a call and its end."""
    may_soften: bool = False
    """Its batch opted in to one more try with `moderation` low, and its request does not say low already."""

    @property
    def softened(self) -> bool:
        """Whether its next call goes out with `moderation` low: what was refused is never sent as it was."""
        return self.may_soften and self.refusals > 0


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Back to the queue for so long."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The job fails with the failure at hand."""


Decision = TryAgain | GiveUp


def backoff(policy: RetryPolicy, failures: int, draw: float) -> timedelta:
    """Exponential backoff with full jitter: uniform between nothing and the doubled ceiling.

    `draw` is a random number in [0, 1). https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    >>> backoff(RetryPolicy(), failures=3, draw=0.5)
    datetime.timedelta(seconds=2)
    >>> backoff(RetryPolicy(), failures=10_000, draw=1.0) == RetryPolicy().cap
    True
    """
    exponent = min(max(failures - 1, 0), _LARGEST_EXPONENT)
    ceiling = min(policy.base.total_seconds() * 2**exponent, policy.cap.total_seconds())
    return timedelta(seconds=ceiling * draw)


def _hinted(failure: Failure, otherwise: timedelta, draw: float) -> timedelta:
    """The provider's hint wins; up to a tenth is added so that the waiting do not return as one herd."""
    if failure.retry_after is None:
        return otherwise
    return timedelta(seconds=failure.retry_after * (1 + draw / 10))


def decide(policy: RetryPolicy, failure: Failure, history: History, draw: float) -> Decision:
    """What becomes of a job after this failure.

    >>> from darkroom.domain.failure import FailureClass
    >>> blocked = Failure(FailureClass.MODERATION, "moderation_blocked", "refused")
    >>> decide(RetryPolicy(), blocked, History(failures=1), draw=0.5)
    GiveUp()
    """
    if _hopeless(policy, failure.klass.reaction, history) or _is_poison(policy, failure, history):
        return GiveUp()
    if failure.perhaps_billed and _too_dear(policy, failure, history):
        return GiveUp()
    return TryAgain(_wait(policy, failure, history, draw))


def named(policy: RetryPolicy, failure: Failure, history: History) -> Failure:
    """The failure under the name that its job's history gives it: whoever loses worker after worker is poison.

    >>> from darkroom.domain.failure import FailureClass
    >>> lost = Failure(FailureClass.WORKER_LOST, "worker_lost", "gone")
    >>> named(RetryPolicy(), lost, History(losses=3)).code, named(RetryPolicy(), lost, History()).code
    ('poison', 'worker_lost')
    """
    if not _is_poison(policy, failure, history):
        return failure
    message = (
        f"its worker was lost, or stood still, {history.losses} times between the begin of its call and the "
        "end: look at the workers' memory and log, and at what is special in this row"
    )
    return replace(failure, klass=FailureClass.POISON, code="poison", message=message)


def _is_poison(policy: RetryPolicy, failure: Failure, history: History) -> bool:
    return failure.klass in LOSING and history.losses >= policy.losses


def _too_dear(policy: RetryPolicy, failure: Failure, history: History) -> bool:
    """Whether it is not worth one more call, each of which may cost as much as an image."""
    if policy.on_unknown is OnUnknown.FAIL:
        return True
    return failure.klass.reaction is Reaction.RETRY and history.failures >= policy.perhaps_billed


def _hopeless(policy: RetryPolicy, reaction: Reaction, history: History) -> bool:
    match reaction:
        case Reaction.GIVE_UP | Reaction.HOLD:
            return True
        case Reaction.SOFTEN:
            return not history.may_soften or history.refusals > 1
        case Reaction.RETRY:
            return history.failures >= policy.failures
        case Reaction.POLICY:
            return policy.on_unknown is OnUnknown.FAIL or history.unknowns > policy.unknowns
        case Reaction.WAIT | Reaction.PAUSE_KEY:
            return False
        case _:
            assert_never(reaction)


def _wait(policy: RetryPolicy, failure: Failure, history: History, draw: float) -> timedelta:
    match failure.klass.reaction:
        case Reaction.SOFTEN:
            return timedelta(0)
        case Reaction.POLICY:
            return policy.cool_down
        case Reaction.RETRY:
            return _hinted(failure, backoff(policy, history.failures, draw), draw)
        case _:
            return _hinted(failure, policy.wait * (0.5 + draw), draw)


def count(history: History, failure: Failure) -> History:
    """The history with this failure in it; only what the job itself must answer for counts.

    >>> from darkroom.domain.failure import FailureClass
    >>> count(History(), Failure(FailureClass.RATE_LIMITED, "rate_limit_exceeded", "wait")) == History()
    True
    """
    if failure.klass in LOSING:
        history = replace(history, losses=history.losses + 1)
    match failure.klass.reaction:
        case Reaction.WAIT | Reaction.PAUSE_KEY:
            return history
        case Reaction.RETRY | Reaction.GIVE_UP:
            return replace(history, failures=history.failures + 1)
        case Reaction.SOFTEN:
            refusals = history.refusals + 1
            return replace(history, failures=history.failures + 1, refusals=refusals)
        case Reaction.POLICY | Reaction.HOLD:
            return replace(history, unknowns=history.unknowns + 1)
