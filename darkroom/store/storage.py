"""Which storage is this database's own: known by its identity, settled once and for all."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import images, storage


@dataclass(frozen=True, slots=True)
class Known:
    """What the storage is called or, until that is settled, is to be called if it has no name of its own."""

    identity: str
    is_settled: bool
    newest: str | None
    """The address of the newest image whose bytes must be there; None where there is none."""


def is_kept(connection: Connection) -> bool:
    """Whether this database can know it: the migrations of this version have run."""
    return connection.execute(select(func.to_regclass("storage"))).scalar_one() is not None


def known(connection: Connection) -> Known | None:
    """What is known of the storage; None where nobody has proposed anything yet."""
    row = connection.execute(select(storage.c.identity, storage.c.settled_at)).one_or_none()
    if row is None:
        return None
    return Known(row.identity, row.settled_at is not None, _newest(connection))


def proposed(connection: Connection, identity: str) -> Known:
    """What is known of it after this was proposed: the first proposal holds, so that all say the same."""
    connection.execute(insert(storage).values(identity=identity).on_conflict_do_nothing())
    found = known(connection)
    assert found
    return found


def settle(connection: Connection, identity: str) -> str:
    """Says what the storage is called from now on; returns that, which another may have said before."""
    connection.execute(
        update(storage)
        .where(storage.c.settled_at.is_(None))
        .values(identity=identity, settled_at=func.now())
    )
    settled: str = connection.execute(select(storage.c.identity)).scalar_one()
    return settled


def _newest(connection: Connection) -> str | None:
    query = select(images.c.sha256).where(images.c.expired_at.is_(None))
    newest: str | None = connection.execute(
        query.order_by(images.c.created_at.desc()).limit(1)
    ).scalar_one_or_none()
    return newest
