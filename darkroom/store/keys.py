"""The API keys we keep, as hashes; a key itself is shown once, to whoever made it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import api_keys, projects

SHOWN = 10
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; never the key."""

    id: UUID
    project_id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: Row[Any]) -> "ApiKey":
        """The key in this row of the table."""
        fields = {name: getattr(row, name) for name in cls.__slots__}
        return cls(**{**fields, "scopes": tuple(row.scopes)})


def digest(secret: str) -> bytes:
    """What is kept of a key: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def add(
    connection: Connection,
    *,
    key_id: UUID,
    project_id: str,
    name: str,
    secret: str,
    scopes: Sequence[str],
) -> None:
    """Admits a key, and its project if that is new; the same key twice is one key."""
    connection.execute(insert(projects).values(id=project_id).on_conflict_do_nothing())
    connection.execute(
        insert(api_keys)
        .values(
            id=key_id,
            project_id=project_id,
            name=name,
            prefix=secret[:SHOWN],
            digest=digest(secret),
            scopes=list(scopes),
        )
        .on_conflict_do_nothing()
    )


def find(connection: Connection, secret: str) -> ApiKey | None:
    """The key that this secret is, unless it was revoked; the look-up is by its hash, in the index."""
    row = connection.execute(
        select(api_keys).where(api_keys.c.digest == digest(secret), api_keys.c.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    _note_use(connection, row.id)
    return ApiKey.of(row)


def _note_use(connection: Connection, key_id: UUID) -> None:
    """Once a minute at most, so that polling does not write."""
    stale = api_keys.c.last_used_at <= func.now() - _USE_NOTED_EVERY
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.last_used_at.is_(None) | stale)
        .values(last_used_at=func.now())
    )


def page(connection: Connection, project_id: str) -> list[ApiKey]:
    """Every key of a project, newest first."""
    rows = connection.execute(
        select(api_keys)
        .where(api_keys.c.project_id == project_id)
        .order_by(api_keys.c.created_at.desc())
    )
    return [ApiKey.of(row) for row in rows]


def revoke(connection: Connection, project_id: str, key_id: UUID) -> bool:
    """Ends a key of this project at once; false if there is none such."""
    return bool(
        connection.execute(
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.project_id == project_id)
            .values(revoked_at=func.coalesce(api_keys.c.revoked_at, func.now()))
        ).rowcount
    )
