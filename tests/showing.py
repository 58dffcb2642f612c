"""A catalog's night written down as it begins, with what it shows, and no table behind it."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert

from darkroom.domain.catalog import Item
from darkroom.store import catalogs
from darkroom.store.catalogs import Catalog, NewVersion
from darkroom.store.tables import catalog_items


def begin_night(
    connection: Connection, catalog: Catalog, new: NewVersion, items: Iterable[Item]
) -> int:
    """Its number."""
    number = catalogs.open_version(connection, catalog, new)
    rows = [_row(item) | {"catalog_id": catalog.id, "version": number} for item in items]
    connection.execute(insert(catalog_items), rows)
    return number


def _row(item: Item) -> dict[str, object]:
    picture = item.picture
    return {
        "sku": item.sku,
        "variant": item.variant,
        "state": item.state,
        "fingerprint": item.fingerprint,
        "attempt_id": picture.attempt_id if picture else None,
        "index": picture.index if picture else None,
        "shown": picture.fingerprint if picture else None,
    }
