"""What the API signs its links with: one secret for all its processes, made by whoever needs it first."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import signing_secrets


def secret(connection: Connection, name: str, fresh: bytes) -> bytes:
    """The secret of this name; this fresh one, if there was none."""
    connection.execute(
        insert(signing_secrets).values(name=name, secret=fresh).on_conflict_do_nothing()
    )
    query = select(signing_secrets.c.secret).where(signing_secrets.c.name == name)
    kept: bytes = connection.execute(query).scalar_one()
    return kept
