"""What we remember of each provider between calls: whether its key is paused, or on trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from darkroom.domain.attempt import AttemptState
from darkroom.store.tables import attempts, batches, providers

_LIFTED = {
    "paused_reason": None,
    "paused_key": None,
    "paused_at": None,
    "probing_since": func.clock_timestamp(),
}
"""Tried again: one call goes out, and the others when it has brought an image."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether calls with a provider's key make sense; on trial, one at a time."""

    paused_reason: str | None = None
    on_trial: bool = False


@dataclass(frozen=True, slots=True)
class ProviderView:
    """What is remembered of a provider."""

    name: str
    paused_reason: str | None
    paused_at: datetime | None
    probing_since: datetime | None


def standing(connection: Connection, name: str, key_fingerprint: str) -> Standing:
    """How this provider stands under the key it has now; a new key is on trial as after a `resume`."""
    p = providers.c
    row = connection.execute(_remembered(name)).one_or_none()
    if row is None or (row.paused_reason is None and row.probing_since is None):
        return Standing()
    if row.paused_reason and row.paused_key == key_fingerprint:
        return Standing(paused_reason=row.paused_reason)
    if row.paused_reason:
        connection.execute(update(providers).where(p.name == name).values(**_LIFTED))
        return Standing(on_trial=True)
    return Standing(on_trial=not _proved(connection, name, row.probing_since))


@cache
def _remembered(name: str) -> Select[Any]:
    p = providers.c
    return select(p.paused_reason, p.paused_key, p.probing_since).where(p.name == name)


def _proved(connection: Connection, name: str, since: datetime) -> bool:
    """Whether a call that was begun since then has brought an image; if so the trial is over."""
    b, a = batches.c, attempts.c
    lately = select(b.id).where(b.provider == name, or_(b.ended_at.is_(None), b.ended_at >= since))
    succeeded = exists().where(
        a.batch_id.in_(lately),
        a.ended_at >= since,
        a.begun_at >= since,
        a.state == AttemptState.SUCCEEDED,
    )
    ended = connection.execute(
        update(providers).where(providers.c.name == name, succeeded).values(probing_since=None)
    )
    return bool(ended.rowcount)


def pause(connection: Connection, name: str, key_fingerprint: str, reason: str) -> bool:
    """Pauses a provider's key until a person resumes it; true where it was not paused before."""
    values = {
        "paused_reason": reason,
        "paused_key": key_fingerprint,
        "paused_at": func.now(),
        "probing_since": None,
    }
    fresh = or_(providers.c.paused_reason.is_(None), providers.c.paused_key != key_fingerprint)
    statement = insert(providers).values(name=name, **values)
    changed = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[providers.c.name], set_=values, where=fresh
        ).returning(providers.c.name)
    )
    return changed.one_or_none() is not None


def resume(connection: Connection, batch_id: UUID) -> None:
    """Puts the paused key of this batch's provider on trial."""
    its = select(batches.c.provider).where(batches.c.id == batch_id).scalar_subquery()
    paused = (providers.c.name == its, providers.c.paused_reason.is_not(None))
    connection.execute(update(providers).where(*paused).values(**_LIFTED))


def page(connection: Connection) -> Sequence[ProviderView]:
    """Every provider of which something is remembered, by name."""
    p = providers.c
    rows = connection.execute(
        select(p.name, p.paused_reason, p.paused_at, p.probing_since).order_by(p.name)
    )
    return [ProviderView(*row) for row in rows]
