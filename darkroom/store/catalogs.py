"""The catalogs we keep: their versions, what each shows, and every image that was ever ordered for one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    and_,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from darkroom.domain.attempt import Disposition
from darkroom.domain.catalog import Item, ItemState, Picture, VersionState
from darkroom.domain.review import Judgement
from darkroom.store.tables import (
    batches,
    catalog_items,
    catalog_orders,
    catalog_versions,
    catalogs,
    images,
    jobs,
    reviews,
)

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog of a project; `current` is its published version, None before the first."""

    id: UUID
    project_id: str
    name: str
    current: int | None


@dataclass(frozen=True, slots=True)
class Version:
    """One night of a catalog; `batch_id` is None where nothing had to be made.

    Whether it is the current one is told by the same statement as its state: they change together.
    """

    number: int
    state: VersionState
    current: bool
    batch_id: UUID | None
    threshold: Decimal
    expected: Decimal
    created_at: datetime
    concluded_at: datetime | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A night as it begins."""

    batch_id: UUID | None
    threshold: Decimal
    expected: Decimal


def find(connection: Connection, project_id: str, name: str) -> Catalog | None:
    """A catalog, if this project has one of the name."""
    c = catalogs.c
    row = connection.execute(
        select(c.id, c.project_id, c.name, c.current).where(
            c.project_id == project_id, c.name == name
        )
    ).one_or_none()
    return Catalog(*row) if row else None


def hold(connection: Connection, project_id: str, name: str, new_id: UUID) -> Catalog:
    """A catalog, made if need be, and locked: two who begin a night of one take turns."""
    connection.execute(
        upsert(catalogs)
        .values(id=new_id, project_id=project_id, name=name)
        .on_conflict_do_nothing()
    )
    c = catalogs.c
    row = connection.execute(
        select(c.id, c.project_id, c.name, c.current)
        .where(c.project_id == project_id, c.name == name)
        .with_for_update()
    ).one()
    return Catalog(*row)


def versions(
    connection: Connection, catalog_id: UUID, limit: int = 100, before: int | None = None
) -> list[Version]:
    """The versions of a catalog, newest first; those before a number, if there is one."""
    v = catalog_versions.c
    older = true() if before is None else v.number < before
    wanted = _versions().where(v.catalog_id == catalog_id, older)
    rows = connection.execute(wanted.order_by(v.number.desc()).limit(limit))
    return [_version(row) for row in rows]


def version(connection: Connection, catalog_id: UUID, number: int) -> Version | None:
    """One version, if there is such."""
    v = catalog_versions.c
    row = connection.execute(
        _versions().where(v.catalog_id == catalog_id, v.number == number)
    ).one_or_none()
    return _version(row) if row else None


def _versions() -> Select[Any]:
    v = catalog_versions.c
    current = func.coalesce(catalogs.c.current == v.number, false())
    known = (current.label(name) if name == "current" else v[name] for name in Version.__slots__)
    return select(*known).join(catalogs, catalogs.c.id == v.catalog_id)


def _version(row: Row[Any]) -> Version:
    known = row._mapping  # noqa: SLF001 - SQLAlchemy's public name
    return Version(**{**known, "state": VersionState(known["state"])})


def items(connection: Connection, catalog_id: UUID, number: int | None) -> list[Item]:
    """What a version shows; nothing of no version."""
    i = catalog_items.c
    rows = connection.execute(
        select(
            i.sku,
            i.variant,
            i.fingerprint,
            i.state,
            i.attempt_id,
            i["index"].label("place"),
            i.shown,
            rejected(i.attempt_id, i["index"]).label("rejected"),
        )
        .where(i.catalog_id == catalog_id, i.version == number)
        .order_by(i.sku, i.variant)
    )
    return [
        Item(
            row.sku,
            row.variant,
            row.fingerprint,
            ItemState(row.state),
            Picture(row.attempt_id, row.place, row.shown, row.rejected) if row.shown else None,
        )
        for row in rows
    ]


def counts(connection: Connection, catalog_id: UUID, number: int) -> dict[ItemState, int]:
    """How many items of a version are in each state."""
    i = catalog_items.c
    rows = connection.execute(
        select(i.state, func.count())
        .where(i.catalog_id == catalog_id, i.version == number)
        .group_by(i.state)
    )
    found = {ItemState(state): number for state, number in rows}
    return {state: found.get(state, 0) for state in ItemState}


def rejected(attempt_id: ColumnElement[Any], index: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether this image is one of a job whose images were rejected."""
    its = images.c.attempt_id == attempt_id, images.c["index"] == index
    said = reviews.c.job_id == images.c.job_id, reviews.c.verdict == Judgement.REJECTED
    return exists().where(*its, *said)


def made(*where: ColumnElement[bool]) -> Subquery:
    """The latest published image of each order, of the batch or its retries, that nobody rejected."""
    o, j, i = catalog_orders.c, jobs.c, images.c
    family = or_(batches.c.id == o.batch_id, batches.c.retry_of == o.batch_id)
    return (
        select(o.fingerprint, i.attempt_id, i["index"].label("place"))
        .ext(distinct_on(o.fingerprint))
        .join(batches, family)
        .join(jobs, and_(j.batch_id == batches.c.id, j.custom_id == o.custom_id))
        .join(images, and_(i.job_id == j.id, i.disposition == Disposition.PUBLISHED))
        .where(i.expired_at.is_(None), ~_is_rejected(), *where)
        .order_by(o.fingerprint, i.created_at.desc(), i.attempt_id, i["index"])
        .subquery()
    )


def _is_rejected() -> ColumnElement[bool]:
    said = reviews.c.job_id == jobs.c.id, reviews.c.verdict == Judgement.REJECTED
    return exists().where(*said)


def open_version(connection: Connection, catalog: Catalog, new: NewVersion) -> int:
    """Writes down that a night begins; its number."""
    v = catalog_versions.c
    last = select(func.coalesce(func.max(v.number), 0)).where(v.catalog_id == catalog.id)
    number = int(connection.execute(last).scalar_one()) + 1
    values = {"batch_id": new.batch_id, "threshold": new.threshold, "expected": new.expected}
    connection.execute(
        insert(catalog_versions).values(catalog_id=catalog.id, number=number, **values)
    )
    return number


def publish(connection: Connection, catalog_id: UUID, number: int) -> None:
    """Makes a version the current one, whichever was before."""
    v = catalog_versions.c
    connection.execute(
        update(catalog_versions)
        .where(v.catalog_id == catalog_id, v.number == number)
        .values(state=VersionState.PUBLISHED, published_at=func.clock_timestamp())
    )
    connection.execute(update(catalogs).where(catalogs.c.id == catalog_id).values(current=number))
