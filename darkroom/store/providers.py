"""What we remember of each provider between calls: whether its key is paused, and until when it cools."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import providers


@dataclass(frozen=True, slots=True)
class ProviderState:
    """Whether a call with this key makes sense now."""

    paused_reason: str | None = None
    cooling: bool = False


def state(connection: Connection, name: str, key_fingerprint: str) -> ProviderState:
    """The state of a provider under the key it has now; a new key starts unpaused."""
    p = providers.c
    row = connection.execute(
        select(
            p.paused_reason, p.paused_key, (p.cool_until > func.clock_timestamp()).label("cooling")
        ).where(p.name == name)
    ).one_or_none()
    if row is None:
        return ProviderState()
    paused = row.paused_reason if row.paused_key == key_fingerprint else None
    return ProviderState(paused, bool(row.cooling))


def pause(connection: Connection, name: str, key_fingerprint: str, reason: str) -> bool:
    """Pauses a provider's key until a person resumes it; true where it was not paused before."""
    values = {"paused_reason": reason, "paused_key": key_fingerprint, "paused_at": func.now()}
    fresh = or_(providers.c.paused_reason.is_(None), providers.c.paused_key != key_fingerprint)
    statement = insert(providers).values(name=name, **values)
    paused = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[providers.c.name], set_=values, where=fresh
        ).returning(providers.c.name)
    )
    return paused.one_or_none() is not None


def resume(connection: Connection) -> None:
    """Lets the paused keys be tried again."""
    connection.execute(
        update(providers).values(paused_reason=None, paused_key=None, paused_at=None)
    )


def cool(connection: Connection, name: str, span: timedelta) -> None:
    """No call to this provider for so long; a longer cool-down that runs already stays."""
    until = func.clock_timestamp() + span
    statement = insert(providers).values(name=name, cool_until=until)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[providers.c.name],
            set_={"cool_until": func.greatest(func.coalesce(providers.c.cool_until, until), until)},
        )
    )
