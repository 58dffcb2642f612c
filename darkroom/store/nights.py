"""The end of a catalog's night: what arrived is put in, what did not keeps the last image."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select, update

from darkroom.domain.batch import TERMINAL
from darkroom.domain.catalog import ItemState, VersionState
from darkroom.store import checklists, outbox
from darkroom.store.catalogs import counts, made, publish, rejected
from darkroom.store.tables import batches, catalog_items, catalog_orders, catalog_versions, catalogs

_OPEN = (ItemState.WAITING, ItemState.STALE, ItemState.MISSING)
"""What has no image of tonight."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """A night that is over."""

    catalog_id: UUID
    number: int
    published: bool


def conclude(connection: Connection) -> list[Concluded]:
    """Concludes every night whose calls have all ended, and again where a retry has brought more, or better.

    It is published if enough of its items show what they should; a candidate that a retry completes is, too.
    """
    return [_concluded(connection, row) for row in connection.execute(_over()).all()]


@cache
def _over() -> Select[Any]:
    """The latest version of each catalog, if its batch and retries have ended since it was looked at.

    And what they brought was looked at, where that is asked for.
    """
    v, b = catalog_versions.c, batches.c
    newer = catalog_versions.alias()
    family = or_(b.id == v.batch_id, b.retry_of == v.batch_id)
    still_open = select(b.id).where(family, b.status.not_in(TERMINAL)).exists()
    ended = select(func.max(b.ended_at)).where(family).scalar_subquery()
    return (
        select(v.catalog_id, v.number, v.batch_id, v.threshold, v.state)
        .join(catalogs, catalogs.c.id == v.catalog_id)
        .where(
            ~select(newer.c.number)
            .where(newer.c.catalog_id == v.catalog_id, newer.c.number > v.number)
            .exists(),
            or_(v.concluded_at.is_(None), ended > v.concluded_at),
            ~still_open,
            ~checklists.is_open(v.batch_id),
        )
        .order_by(v.catalog_id)
        .with_for_update(of=catalogs, skip_locked=True)
    )


def _concluded(connection: Connection, night: Row[Any]) -> Concluded:
    _gather(connection, night)
    v = catalog_versions.c
    connection.execute(
        update(catalog_versions)
        .where(v.catalog_id == night.catalog_id, v.number == night.number)
        .values(
            concluded_at=func.clock_timestamp(),
            state=case(
                (v.state == VersionState.MAKING, VersionState.CANDIDATE.value), else_=v.state
            ),
        )
    )
    good = _share(connection, night) >= night.threshold
    if good and night.state != VersionState.PUBLISHED:
        publish(connection, night.catalog_id, night.number)
    outbox.night_over(connection, night.catalog_id, night.number)
    return Concluded(night.catalog_id, night.number, good)


def _gather(connection: Connection, night: Row[Any]) -> None:
    i = catalog_items.c
    mine = and_(i.catalog_id == night.catalog_id, i.version == night.number)
    arrived = made(catalog_orders.c.batch_id == night.batch_id)
    remade = and_(i.state == ItemState.MADE, rejected(i.attempt_id, i["index"]))
    connection.execute(
        update(catalog_items)
        .where(mine, or_(i.state.in_(_OPEN), remade), i.fingerprint == arrived.c.fingerprint)
        .values(
            state=ItemState.MADE,
            attempt_id=arrived.c.attempt_id,
            index=arrived.c.place,
            shown=arrived.c.fingerprint,
        )
    )
    left = case((i.attempt_id.is_(None), ItemState.MISSING.value), else_=ItemState.STALE.value)
    connection.execute(
        update(catalog_items).where(mine, i.state == ItemState.WAITING).values(state=left)
    )


def _share(connection: Connection, night: Row[Any]) -> Decimal:
    """The share of all items that the table has that show what they should."""
    number = counts(connection, night.catalog_id, night.number)
    wanted = sum(number.values()) - number[ItemState.REMOVED]
    behind = sum(number[state] for state in _OPEN)
    return Decimal(wanted - behind) / wanted if wanted else Decimal(1)
