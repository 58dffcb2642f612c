"""Promoting what was approved: priced first, then one linked batch that the workers fill."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from api.control import owned_batch
from api.fresh import fresh_id
from api.instruments import Instruments
from api.refusals import Conflict, Fault, Invalid
from darkroom.domain.batchfile import Draft
from darkroom.domain.estimate import Estimate
from darkroom.domain.limit import Limits
from darkroom.domain.problem import Problem
from darkroom.domain.request import Resolver
from darkroom.domain.review import Approved, Target, promoted
from darkroom.store import hints, promotions, retries, reviews
from darkroom.store.hints import About
from darkroom.store.insights import BatchView
from darkroom.store.session import Connection

PROBLEMS_TOLD = 20


@dataclass(slots=True)
class Offer:
    """What a promotion would make and cost, and the drafts that cannot be drawn so."""

    calls: int = 0
    price: Estimate = field(default_factory=Estimate)
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    limits: Limits | None = None
    """Of the provider that drew the drafts, and draws the finals."""

    def add(self, made: Draft | tuple[Problem, ...]) -> None:
        """Counts one final, or says why there can be none."""
        if isinstance(made, Draft):
            self.calls += 1
            self.price.add(made.priced)
            return
        room = PROBLEMS_TOLD - len(self.problems)
        self.problems += made[:room]
        self.more_problems += len(made[room:])


def offer(tools: Instruments, project_id: str, batch_id: UUID, target: Target) -> Offer:
    """Looks at every draft that would be promoted; nothing is written and nothing spent.

    Raises:
        Missing: The project has no such batch.
    """
    with tools.transaction() as connection:
        root = owned_batch(connection, project_id, _root(connection, project_id, batch_id))
        family = reviews.family_of(connection, root.id)
    models = tools.drawn_by(project_id, root.provider)
    found, resolver = Offer(limits=models.limits), Resolver(models)
    for draft in _approved(tools, family, target):
        found.add(promoted(draft, target, resolver))
    return found


def promote(
    tools: Instruments,
    project_id: str,
    batch_id: UUID,
    target: Target,
    *,
    name: str | None = None,
    budget: Decimal | None = None,
    key_id: UUID | None = None,
) -> BatchView:
    """A batch of better images for what is approved and was not promoted to this before.

    Raises:
        Missing: The project has no such batch.
        Invalid: A draft cannot be drawn like this; nothing was begun.
        Conflict: There is nothing to promote, or a promotion is being filled.
    """
    _require_good(offer(tools, project_id, batch_id, target))
    new_id = fresh_id()
    with tools.transaction() as connection:
        root = retries.family_root(connection, batch_id)
        if not promotions.begin(
            connection, root, new_id, target, name=name, budget=budget, api_key_id=key_id
        ):
            detail = "another promotion of this batch is being filled; ask again in a moment"
            raise Conflict("being_promoted", detail)
        hints.ring(connection, About.LISTS)
        return owned_batch(connection, project_id, new_id)


def _root(connection: Connection, project_id: str, batch_id: UUID) -> UUID:
    """The first of a batch's family, whose provider draws for all of it."""
    return retries.family_root(connection, owned_batch(connection, project_id, batch_id).id)


def _approved(tools: Instruments, family: Sequence[UUID], target: Target) -> Iterator[Approved]:
    """Every draft that would be promoted; no transaction is open while one is looked at."""
    place = promotions.START
    while True:
        with tools.transaction() as connection:
            found = promotions.approved(
                connection, family, target, after=place, limit=promotions.CHUNK
            )
        yield from found
        if len(found) < promotions.CHUNK:
            return
        place = (found[-1].line, found[-1].job_id)


def _require_good(found: Offer) -> None:
    if found.problems:
        raise Invalid([Fault(p.code, str(p), None, p.line, p.column) for p in found.problems])
    if not found.calls:
        detail = "nothing is approved that was not promoted to this before; approve some first"
        raise Conflict("nothing_to_promote", detail)
