"""The API keys we keep, as hashes; a key itself is shown once, to whoever made it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import api_keys, projects, sessions

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
    expires_at: datetime | None
    former_until: datetime | None
    """Until when the secret before the last rotation is good as well."""
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: Row[Any]) -> "ApiKey":
        """The key in this row of the table."""
        fields = {name: getattr(row, name) for name in cls.__slots__}
        return cls(**{**fields, "scopes": tuple(row.scopes)})


def digest(secret: str) -> bytes:
    """What is kept of a key: 240 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def add(
    connection: Connection,
    *,
    key_id: UUID,
    project_id: str,
    name: str,
    secret: str,
    scopes: Sequence[str],
    life: timedelta | None = None,
) -> ApiKey | None:
    """Admits a key, for this long, and its project if that is new.

    None where the secret is known: the same key twice is one key, and what was rotated away stays away.
    """
    connection.execute(insert(projects).values(id=project_id).on_conflict_do_nothing())
    if connection.execute(select(exists().where(_is_former(secret)))).scalar_one():
        return None
    row = connection.execute(
        insert(api_keys)
        .values(
            id=key_id,
            project_id=project_id,
            name=name,
            prefix=secret[:SHOWN],
            digest=digest(secret),
            scopes=list(scopes),
            expires_at=None if life is None else func.now() + life,
        )
        .on_conflict_do_nothing()
        .returning(*api_keys.c)
    ).one_or_none()
    return None if row is None else ApiKey.of(row)


def find(connection: Connection, secret: str) -> ApiKey | None:
    """The key that this secret is, unless its time is over.

    The look-up is by the secret's hash, in an index: how long it takes tells of the hash of a guess, which says
    nothing of the guess, and nothing is compared that an attacker could come nearer to step by step.
    """
    mine = or_(
        api_keys.c.digest == digest(secret),
        and_(_is_former(secret), api_keys.c.former_until > func.now()),
    )
    row = connection.execute(select(api_keys).where(mine, is_good())).one_or_none()
    if row is None:
        return None
    _note_use(connection, row.id)
    return ApiKey.of(row)


def _is_former(secret: str) -> ColumnElement[bool]:
    return api_keys.c.former_digest == digest(secret)


def is_good() -> ColumnElement[bool]:
    """Neither revoked nor expired, by the database's clock."""
    lives = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now())
    return and_(api_keys.c.revoked_at.is_(None), lives)


def _note_use(connection: Connection, key_id: UUID) -> None:
    """Once a minute at most, so that polling does not write."""
    stale = api_keys.c.last_used_at <= func.now() - _USE_NOTED_EVERY
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.last_used_at.is_(None) | stale)
        .values(last_used_at=func.now())
    )


def page(
    connection: Connection, project_id: str, limit: int, after: UUID | None = None
) -> list[ApiKey]:
    """Keys of a project, newest first; `after` is the last one seen."""
    query = select(api_keys).where(api_keys.c.project_id == project_id)
    if after is not None:
        last = api_keys.alias().c
        seen = select(last.created_at).where(last.id == after, last.project_id == project_id)
        place = tuple_(api_keys.c.created_at, api_keys.c.id)
        query = query.where(place < tuple_(seen.scalar_subquery(), literal(after)))
    newest = api_keys.c.created_at.desc(), api_keys.c.id.desc()
    return [ApiKey.of(row) for row in connection.execute(query.order_by(*newest).limit(limit))]


def rotate(
    connection: Connection, project_id: str, key_id: UUID, secret: str, grace: timedelta
) -> ApiKey | None:
    """Gives a key a new secret; the old one is good for as long as the grace, one still older no more.

    Browsers that it signed in must sign in again. None if the project has no such key, or its time is over.
    """
    row = connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.project_id == project_id, is_good())
        .values(
            digest=digest(secret),
            prefix=secret[:SHOWN],
            former_digest=api_keys.c.digest,
            former_until=func.now() + grace,
        )
        .returning(*api_keys.c)
    ).one_or_none()
    if row is None:
        return None
    connection.execute(delete(sessions).where(sessions.c.key_id == key_id))
    return ApiKey.of(row)


def known(connection: Connection, project_id: str, key_id: UUID) -> bool:
    """Whether the project has this key, good or over."""
    mine = (api_keys.c.id == key_id) & (api_keys.c.project_id == project_id)
    return bool(connection.execute(select(exists().where(mine))).scalar_one())


def revoke(connection: Connection, project_id: str, key_id: UUID) -> bool:
    """Ends a key of this project at once; false if there is none such."""
    return bool(
        connection.execute(
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.project_id == project_id)
            .values(revoked_at=func.coalesce(api_keys.c.revoked_at, func.now()))
        ).rowcount
    )
