"""Catalogs as people look at them: what is published of each, and the night that came last."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from darkroom.domain.catalog import ItemState
from darkroom.store.catalogs import Version, counts, version, versions
from darkroom.store.tables import catalogs

SHOWN = 200
"""Catalogs of one project; nobody keeps more beside each other."""


@dataclass(frozen=True, slots=True)
class NightView:
    """One version with how many of its items stand how."""

    version: Version
    counts: dict[ItemState, int]

    @property
    def items(self) -> int:
        """How many items it has, those no longer in the table among them."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class CatalogView:
    """A catalog: its published version, and the latest one where that is another."""

    name: str
    current: NightView | None
    newer: Version | None


def catalogs_of(connection: Connection, project_id: str) -> list[CatalogView]:
    """A project's catalogs by name, each with what it shows now."""
    c = catalogs.c
    rows = connection.execute(
        select(c.id, c.name, c.current)
        .where(c.project_id == project_id)
        .order_by(c.name)
        .limit(SHOWN)
    ).all()
    return [_view(connection, row.id, row.name, row.current) for row in rows]


def _view(connection: Connection, catalog_id: UUID, name: str, current: int | None) -> CatalogView:
    published = version(connection, catalog_id, current) if current is not None else None
    latest = next(iter(versions(connection, catalog_id, limit=1)), None)
    newer = latest if latest and (current is None or latest.number > current) else None
    return CatalogView(name, night(connection, catalog_id, published) if published else None, newer)


def night(connection: Connection, catalog_id: UUID, one: Version) -> NightView:
    """A version with its counts."""
    return NightView(one, counts(connection, catalog_id, one.number))
