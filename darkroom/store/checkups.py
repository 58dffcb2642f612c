"""What is looked at once it has arrived: which images wait for it, what was seen of them, how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.dialects.postgresql import insert as upsert

from darkroom.domain.attempt import Disposition
from darkroom.domain.batch import TERMINAL, BatchStatus, BudgetOf, PausedReason
from darkroom.domain.catalog import ItemState
from darkroom.domain.checking import Checks, Finding, duplicate
from darkroom.domain.job import JobState
from darkroom.domain.resemblance import NEAR, alike
from darkroom.domain.review import Judgement
from darkroom.store import batches as all_batches
from darkroom.store import reviews as verdicts
from darkroom.store.catalogs import rejected
from darkroom.store.check_tables import BANDS
from darkroom.store.checklists import ASKED, REROLL
from darkroom.store.tables import (
    batches,
    catalog_items,
    catalog_versions,
    catalogs,
    checkups,
    images,
    jobs,
    looks,
    reviews,
)

CLAIM = timedelta(minutes=1)
"""How long one worker may look at a chunk; what dies with it another does."""

BREAK = timedelta(seconds=1)
"""Between two looks for what has come."""

SETTLED = timedelta(minutes=2)
"""Longer than any transaction may last: what one of them wrote down before then is there to be seen."""

COMPARED = 2_000
"""Images with nearly the same bits whose colours are compared; where there are more, the bits say little."""

_MASK, _WIDTH = 65535, 64
_u, _l = checkups.c, looks.c


@dataclass(frozen=True, slots=True)
class Checkup:
    """A batch whose images one worker looks at, as it stood at `now`; `ended` if no more images come."""

    batch_id: UUID
    family: UUID
    scope: UUID
    checks: Checks
    ended: bool
    since: datetime | None
    now: datetime
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image to be looked at, and what was asked for."""

    attempt_id: UUID
    index: int
    sha256: str
    width: int
    height: int
    format: str
    job_id: int
    custom_id: str
    size: str | None
    output_format: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of an image; `bits` are None where there is nothing that another could resemble."""

    arrival: Arrival
    sku: str
    bits: int | None
    spots: bytes | None
    findings: tuple[Finding, ...]


def claim(connection: Connection, focus: str | None) -> Checkup | None:
    """A batch that asks for checks and has perhaps something to look at, claimed for some minutes."""
    now = func.clock_timestamp()
    free = or_(_u.claimed_until.is_(None), _u.claimed_until < now)
    first = (
        select(_u.batch_id)
        .join(batches, batches.c.id == _u.batch_id)
        .where(_u.checked_at.is_(None), free, batches.c.status != BatchStatus.VALIDATING)
        .where(*all_batches.in_focus(focus))
        .order_by(_u.claimed_until.nulls_first(), _u.batch_id)
        .limit(1)
        .with_for_update(skip_locked=True, of=checkups)
    )
    batch_id = connection.execute(first).scalar_one_or_none()
    if batch_id is None:
        return None
    mine = update(checkups).where(_u.batch_id == batch_id).values(claimed_until=now + CLAIM)
    until, since = connection.execute(mine.returning(_u.claimed_until, _u.looked_until)).one()
    row = connection.execute(_standing(batch_id)).one()
    ended = row.status in TERMINAL
    return Checkup(
        batch_id, row.family, row.scope, Checks.of(row.checks), ended, since, row.now, until
    )


def _standing(batch_id: UUID) -> Any:
    b, v = batches.c, catalog_versions.c
    family = func.coalesce(b.retry_of, b.id)
    catalog = select(v.catalog_id).where(v.batch_id == family).limit(1).scalar_subquery()
    return select(
        family.label("family"),
        func.coalesce(catalog, family).label("scope"),
        b.options[ASKED].label("checks"),
        b.status,
        func.clock_timestamp().label("now"),
    ).where(b.id == batch_id)


def arrivals(connection: Connection, one: Checkup, limit: int) -> list[Arrival]:
    """So many images that nobody has looked at; as long as more come, of those that came of late."""
    i, j = images.c, jobs.c
    query = (
        select(
            *(i.attempt_id, i["index"], i.sha256, i.width, i.height, i.format),
            *(j.id.label("job_id"), j.custom_id),
            j.request["size"].astext.label("size"),
            j.request["output_format"].astext.label("output_format"),
        )
        .join(jobs, j.id == i.job_id)
        .where(j.batch_id == one.batch_id, *_unseen())
        .order_by(i.created_at, i.attempt_id, i["index"])
        .limit(limit)
    )
    if not one.ended and one.since is not None:
        query = query.where(i.created_at >= one.since - SETTLED)
    return [Arrival(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name


def _unseen() -> Sequence[ColumnElement[bool]]:
    i = images.c
    seen = exists().where(_l.attempt_id == i.attempt_id, _l["index"] == i["index"])
    own = i.disposition != Disposition.SURPLUS
    return jobs.c.state == JobState.SUCCEEDED, own, i.expired_at.is_(None), ~seen


def record(connection: Connection, one: Checkup, seen: Sequence[Look]) -> int:
    """Writes down what was seen, and rejects what does not pass where that is asked for; counts the flagged.

    What somebody else has written down meanwhile stays. What a person has judged is left to that person.
    """
    new = [(look, found) for look in seen if (found := _written(connection, one, look)) is not None]
    flagged = [look.arrival.job_id for look, found in new if found]
    if one.checks.rejects and flagged:
        verdicts.decide(connection, _unjudged(connection, flagged), Judgement.REJECTED)
    counted = {"looked": _u.looked + len(new), "flagged": _u.flagged + len(flagged)}
    connection.execute(update(checkups).where(_u.batch_id == one.batch_id).values(counted))
    return len(flagged)


def _written(connection: Connection, one: Checkup, look: Look) -> tuple[Finding, ...] | None:
    """All that is said of an image; None where it was said before."""
    findings, bits = look.findings, None if look.bits is None else _signed(look.bits)
    if bits is not None and (other := _resembled(connection, one, look, bits)):
        findings = (*findings, duplicate(other))
    row = {
        "attempt_id": look.arrival.attempt_id,
        "index": look.arrival.index,
        "batch_id": one.batch_id,
        "family": one.family,
        "scope": one.scope,
        "sku": look.sku,
        "bits": bits,
        "spots": look.spots,
        "findings": [finding.as_json() for finding in findings],
    }
    written = connection.execute(upsert(looks).values(row).on_conflict_do_nothing())
    return findings if written.rowcount else None


def _signed(bits: int) -> int:
    return bits - (1 << _WIDTH) if bits >> (_WIDTH - 1) else bits


def _resembled(connection: Connection, one: Checkup, look: Look, bits: int) -> str | None:
    """The first other SKU with an image nearly like this: in this family, or shown by its catalog by now."""
    i = catalog_items.c
    quarter = or_(*(_quarter(start) == (bits >> start & _MASK) for start in BANDS))
    apart = func.bit_count(cast(_l.bits.op("#")(literal(bits, BigInteger)), BIT(_WIDTH)))
    shown = exists().where(
        catalogs.c.id == one.scope,
        i.catalog_id == one.scope,
        i.version >= func.coalesce(catalogs.c.current, 0),
        i.attempt_id == _l.attempt_id,
        i["index"] == _l["index"],
        i.state != ItemState.REMOVED,
    )
    # What does not pass itself is nothing that another could be taken for.
    passes = ~rejected(_l.attempt_id, _l["index"])
    query = (
        select(_l.sku, _l.spots)
        .where(
            _l.scope == one.scope, _l.sku != look.sku, _l.bits.is_not(None), quarter, apart <= NEAR
        )
        .where(or_(_l.family == one.family, shown), passes)
        .order_by(_l.created_at, _l.attempt_id, _l["index"])
        .limit(COMPARED)
    )
    near = connection.execute(query)
    return next((row.sku for row in near if alike(row.spots, look.spots or b"")), None)


def _quarter(start: int) -> ColumnElement[int]:
    """As an index has it."""
    return literal_column(f"((looks.bits >> {start}) & {_MASK})", BigInteger)


def _unjudged(connection: Connection, job_ids: Sequence[int]) -> Sequence[int]:
    judged = exists().where(reviews.c.job_id == jobs.c.id)
    found = select(jobs.c.id).where(jobs.c.id.in_(job_ids), ~judged)
    return connection.execute(found).scalars().all()


def let_go(connection: Connection, one: Checkup, *, exhausted: bool) -> None:
    """Ends a claim; if nothing was left, another looks again a moment later, and no further back than now."""
    after = BREAK if exhausted else timedelta(0)
    values: dict[str, Any] = {"claimed_until": func.clock_timestamp() + after}
    values |= {"looked_until": one.now} if exhausted else {}
    mine = _u.batch_id == one.batch_id, _u.claimed_until == one.claimed_until
    connection.execute(update(checkups).where(*mine).values(values))


def close(connection: Connection, one: Checkup) -> None:
    """All that the batch has brought was looked at."""
    now = func.clock_timestamp()
    connection.execute(update(checkups).where(_u.batch_id == one.batch_id).values(checked_at=now))


def is_spent(connection: Connection, one: Checkup) -> bool:
    """Whether it makes images anew and has used up what that may cost: it is not to wait for a person."""
    b = batches.c
    paused = b.paused_reason == PausedReason.BUDGET, b.paused_budget == BudgetOf.BATCH
    query = select(b.id).where(b.id == one.batch_id, b.options.has_key(REROLL), *paused)
    return connection.execute(query).one_or_none() is not None
