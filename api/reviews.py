"""Reviewing drafts: what a person approves and rejects, by name or by rule, chunk by chunk."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from uuid import UUID

from api.control import owned_batch
from api.instruments import Instruments
from api.refusals import Conflict, Fault, Invalid
from darkroom.domain.job import JobState
from darkroom.domain.review import Judgement
from darkroom.store import reviews
from darkroom.store.insights import BatchView
from darkroom.store.reviews import BeingPromoted, Decided, Reviewable
from darkroom.store.session import Connection

CHUNK = 5_000
FAULTS_TOLD = 20


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything that nobody has judged and whose custom_id fits, but for those that are named.

    What somebody has judged by name before stays as it is: a rule is what is said of the rest.
    """

    match: str = "*"
    besides: frozenset[str] = frozenset()


Choice = Sequence[str] | Rule
"""Which jobs: by custom_id, or by a rule."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How the batch stands after a review, and what the review changed."""

    batch: BatchView
    decided: Decided


def review(
    tools: Instruments, project_id: str, batch_id: UUID, choices: Mapping[Judgement, Choice]
) -> Reviewed:
    """Says these things of a batch's jobs; names come before rules. Twice is once.

    Raises:
        Missing: The project has no such batch.
        Invalid: A name is nobody's, of a job without images, or there twice; nothing was decided.
        Conflict: A promotion is being filled; the same again goes on.
    """
    with tools.transaction() as connection:
        family = reviews.family_of(connection, owned_batch(connection, project_id, batch_id).id)
        by_name = _found(connection, family, choices)
    decided = Decided()
    for verdict, job_ids in chain(by_name, _by_rule(tools, family, choices)):
        decided += _decided(tools, job_ids, verdict)
    with tools.transaction() as connection:
        return Reviewed(owned_batch(connection, project_id, batch_id), decided)


def _decided(tools: Instruments, job_ids: Sequence[int], verdict: Judgement) -> Decided:
    try:
        with tools.transaction() as connection:
            return reviews.decide(connection, job_ids, verdict)
    except BeingPromoted:
        detail = "a promotion takes these drafts right now; ask again in a moment"
        raise Conflict("being_promoted", detail) from None


def _found(
    connection: Connection, family: Sequence[UUID], choices: Mapping[Judgement, Choice]
) -> list[tuple[Judgement, Sequence[int]]]:
    wanted = {verdict: one for verdict, one in choices.items() if not isinstance(one, Rule)}
    known = reviews.named(connection, family, {name for one in wanted.values() for name in one})
    faults = [*_faults(wanted, known)]
    if faults:
        raise Invalid(faults)
    return [
        (verdict, [known[name].job_id for name in part])
        for verdict, names in wanted.items()
        for part in _parts(dict.fromkeys(names))
    ]


def _parts(names: Collection[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while part := list(islice(rest, CHUNK)):
        yield part


def _faults(
    wanted: Mapping[Judgement, Sequence[str]], known: Mapping[str, Reviewable]
) -> Iterator[Fault]:
    rejected = set(wanted.get(Judgement.REJECTED, ()))
    faults = (
        Fault(code, f"{name!r} {detail}", f"#/{_FIELDS[verdict]}/{index}")
        for verdict, names in wanted.items()
        for index, name in enumerate(names)
        for code, detail in _wrong(known.get(name), both=_both(verdict, name, rejected))
    )
    return islice(faults, FAULTS_TOLD)


_FIELDS = {Judgement.APPROVED: "approve", Judgement.REJECTED: "reject"}


def _both(verdict: Judgement, name: str, rejected: Collection[str]) -> bool:
    return verdict is Judgement.APPROVED and name in rejected


def _wrong(job: Reviewable | None, *, both: bool) -> Iterator[tuple[str, str]]:
    if job is None:
        yield "custom_id_unknown", "is no custom_id of this batch"
    elif job.state is not JobState.SUCCEEDED:
        yield "not_made", f"has no image to be judged: it is {job.state}"
    elif both:
        yield "custom_id_twice", "is approved and rejected at once; keep one of them"


def _by_rule(
    tools: Instruments, family: Sequence[UUID], choices: Mapping[Judgement, Choice]
) -> Iterator[tuple[Judgement, Sequence[int]]]:
    for verdict, rule in choices.items():
        if isinstance(rule, Rule):
            for member in family:
                yield from ((verdict, part) for part in _fitting(tools, member, rule))


def _fitting(tools: Instruments, member: UUID, rule: Rule) -> Iterator[list[int]]:
    after = -1
    while True:
        with tools.transaction() as connection:
            found = reviews.undecided(connection, member, rule.match, after=after, limit=CHUNK)
        if kept := [job_id for _, job_id, name in found if name not in rule.besides]:
            yield kept
        if len(found) < CHUNK:
            return
        after = found[-1][0]
