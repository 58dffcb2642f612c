"""What is told in the morning: what was made, what was not and why, what it cost, and what to do next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from darkroom.domain.batch import BatchStatus, Cost, Counts
from darkroom.domain.catalog import ItemState, VersionState
from darkroom.domain.checking import Check
from darkroom.domain.failure import FailureClass, Reaction
from darkroom.domain.figures import plural


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The failed jobs of one class, with the words of one of them."""

    klass: FailureClass
    jobs: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FlaggedGroup:
    """The images that do not pass one check, with the words about one of them and one's custom_id."""

    check: Check
    images: int
    reason: str
    custom_id: str


@dataclass(frozen=True, slots=True)
class Slow:
    """One of the calls that took longest."""

    custom_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do next: why, and the words behind `darkroom` that do it."""

    why: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """A batch with its retries, as it is told when it is over, and until then as far as it is.

    `expected` is the likely cost told when its rows were read. Of very many failures `untold` are in no group.
    """

    id: str
    name: str | None
    status: BatchStatus
    paused_reason: str | None
    counts: Counts
    images: int
    mismatched: int
    unknown: int
    cost: Cost
    expected: Decimal | None
    failures: tuple[FailureGroup, ...] = ()
    untold: int = 0
    slowest: tuple[Slow, ...] = ()
    ended: bool = True
    flagged: tuple[FlaggedGroup, ...] = ()
    rejected: int = 0

    def steps(self) -> Iterator[Step]:
        """What to do next, what holds up the most first.

        >>> group = FailureGroup(FailureClass.SERVER_ERROR, 2, "500", "it failed")
        >>> report = BatchReport(
        ...     *("batch_1", None, BatchStatus.COMPLETED, None, Counts(total=9, succeeded=7, failed=2)),
        ...     *(7, 0, 0, Cost(Decimal(1), Decimal(0), Decimal(0), None), None, (group,)),
        ... )
        >>> [step.words for step in report.steps()]
        [('retry', 'batch_1', '--only', 'server_error')]
        """
        if self.paused_reason:
            yield Step(f"it is paused: {self.paused_reason}", ("resume", self.id))
        if not self.ended:
            return
        for group in self.failures:
            yield Step(_advice(group.klass), ("retry", self.id, "--only", group.klass.value))
        if self.cost.at_risk:
            why = "if the provider's invoice does not show the calls that nobody knows of"
            yield Step(why, ("settle", self.id, "--unknown", "unbilled"))
        if self.counts.expired:
            yield Step("its deadline came first", ("retry", self.id))
        if self.flagged and self.rejected:
            anew = ("retry", self.id, "--only", "rejected", "--budget", "DOLLARS")
            yield Step("what did not pass its checks is not used; this pays for others", anew)
        if self.mismatched:
            words = ("fetch", self.id, "--out", "DIR", "--accept-mismatch")
            yield Step("images of another size or format than asked", words)


def night_steps(
    number: int, state: VersionState, counts: Mapping[ItemState, int]
) -> Iterator[Step]:
    """What to do after a catalog's night.

    >>> counts = {ItemState.STALE: 1, ItemState.MISSING: 2}
    >>> [step.words for step in night_steps(42, VersionState.CANDIDATE, counts)]
    [('catalog', 'publish', '42'), ('catalog', 'sync')]
    """
    if state is VersionState.CANDIDATE:
        why = "too little succeeded to be shown by itself; this shows it all the same"
        yield Step(why, ("catalog", "publish", str(number)))
    behind = counts.get(ItemState.STALE, 0) + counts.get(ItemState.MISSING, 0)
    if behind and state is not VersionState.MAKING:
        why = f"{plural(behind, 'item')} could not be made; this tries again"
        yield Step(why, ("catalog", "sync"))


def _advice(klass: FailureClass) -> str:
    """What a person should know before the command that tries a class of failures again."""
    match klass.reaction:
        case Reaction.POLICY | Reaction.HOLD:
            return "it may have been billed: look at the provider's invoice before"
        case Reaction.SOFTEN | Reaction.GIVE_UP:
            return "the same request will be refused again: change these rows; else"
        case Reaction.PAUSE_KEY:
            return "correct the provider's key, quota or access, then"
        case Reaction.RETRY | Reaction.WAIT:
            return "it was the provider's trouble and may be over"
