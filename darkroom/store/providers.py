"""What we remember of each provider between calls: whether its key is paused, and why."""

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import providers


def paused(connection: Connection, name: str, key_fingerprint: str) -> str | None:
    """Why this provider is paused under the key it has now; None where it is not, as with any new key."""
    p = providers.c
    row = connection.execute(
        select(p.paused_reason, p.paused_key).where(p.name == name)
    ).one_or_none()
    return row.paused_reason if row and row.paused_key == key_fingerprint else None


def pause(connection: Connection, name: str, key_fingerprint: str, reason: str) -> bool:
    """Pauses a provider's key until a person resumes it; true where it was not paused before."""
    values = {"paused_reason": reason, "paused_key": key_fingerprint, "paused_at": func.now()}
    fresh = or_(providers.c.paused_reason.is_(None), providers.c.paused_key != key_fingerprint)
    statement = insert(providers).values(name=name, **values)
    changed = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[providers.c.name], set_=values, where=fresh
        ).returning(providers.c.name)
    )
    return changed.one_or_none() is not None


def resume(connection: Connection) -> None:
    """Lets the paused keys be tried again."""
    connection.execute(
        update(providers).values(paused_reason=None, paused_key=None, paused_at=None)
    )
