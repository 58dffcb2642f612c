"""Who is signed in at a browser: tickets kept as hashes, each standing for the key it was given to."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select

from darkroom.store.keys import ApiKey, digest, is_good
from darkroom.store.tables import api_keys, sessions

SESSION_LIFE = timedelta(days=7)
LINK_LIFE = timedelta(hours=12)


def open_session(connection: Connection, key_id: UUID, secret: str) -> None:
    """Lets whoever holds this secret act for the key, for a week or until the key is revoked."""
    _add(connection, key_id, secret, SESSION_LIFE, is_link=False)


def offer_link(connection: Connection, key_id: UUID, secret: str) -> None:
    """Makes a secret good for one sign-in within twelve hours."""
    _add(connection, key_id, secret, LINK_LIFE, is_link=True)


def _add(
    connection: Connection, key_id: UUID, secret: str, life: timedelta, *, is_link: bool
) -> None:
    """Forgets, by the way, what has run out."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= func.now()))
    connection.execute(
        insert(sessions).values(
            digest=digest(secret), key_id=key_id, is_link=is_link, expires_at=func.now() + life
        )
    )


def redeem(connection: Connection, secret: str) -> UUID | None:
    """The key that a link signs in, once: from here on the link is of no use."""
    found: UUID | None = connection.execute(
        delete(sessions)
        .where(
            sessions.c.digest == digest(secret),
            sessions.c.is_link,
            sessions.c.expires_at > func.now(),
        )
        .returning(sessions.c.key_id)
    ).scalar_one_or_none()
    return found


def holder(connection: Connection, secret: str) -> ApiKey | None:
    """The key for which this session acts, unless either has ended."""
    row = connection.execute(
        select(api_keys)
        .join(sessions, sessions.c.key_id == api_keys.c.id)
        .where(
            sessions.c.digest == digest(secret),
            ~sessions.c.is_link,
            sessions.c.expires_at > func.now(),
            is_good(),
        )
    ).one_or_none()
    return None if row is None else ApiKey.of(row)


def close_session(connection: Connection, secret: str) -> None:
    """Signs out."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest(secret)))
