"""What was asked under a key, so that the same again makes nothing new."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import idempotency_keys

KEPT = timedelta(days=7)
"""Longer than any night."""

REPEATED_WITHIN = timedelta(hours=1)
"""How long a client that re-sends by itself may take."""

_STALE = timedelta(minutes=1)
"""Whoever has not answered by then is taken for dead; its successor makes the thing of the same id."""

_K = idempotency_keys.c


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer that was given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a key; `subject` is the id of what was made, or is to be made, under it.

    `mine` says that nobody else has it: act, then `answer` or `release` it.
    """

    subject: UUID
    mine: bool
    same: bool
    stored: Stored | None = None


def claim(
    connection: Connection, project_id: str, key: str, fingerprint: bytes, subject: UUID
) -> Claim:
    """Takes a key, unless somebody has it; two who try take turns."""
    values = {"project_id": project_id, "key": key, "fingerprint": fingerprint, "subject": subject}
    taken = connection.execute(
        insert(idempotency_keys).values(values).on_conflict_do_nothing().returning(_K.key)
    )
    if taken.one_or_none():
        return Claim(subject, mine=True, same=True)
    stale = (_K.claimed_at < func.now() - _STALE).label("stale")
    found = select(idempotency_keys, stale).where(*_one(project_id, key)).with_for_update()
    row = connection.execute(found).one_or_none()
    if row is None:
        return claim(connection, project_id, key, fingerprint, subject)
    same = row.fingerprint == fingerprint
    if row.status is not None:
        return Claim(row.subject, False, same, Stored(row.status, row.headers, row.body))
    if same and row.stale:
        again = update(idempotency_keys).where(*_one(project_id, key))
        connection.execute(again.values(claimed_at=func.now()))
    return Claim(row.subject, mine=same and row.stale, same=same)


def recall(connection: Connection, project_id: str, key: str) -> UUID | None:
    """What was made under a key within the time of a client's own repeats; others who ask take turns."""
    lock = func.pg_advisory_xact_lock(func.hashtextextended(key, 0))
    connection.execute(select(lock))
    recent = _K.claimed_at > func.now() - REPEATED_WITHIN
    found = select(_K.subject).where(*_one(project_id, key), recent)
    return connection.execute(found).scalar_one_or_none()


def remember(connection: Connection, project_id: str, key: str, subject: UUID) -> None:
    """Notes what is made under a key in this transaction; the latest is what a repeat means."""
    values = {"subject": subject, "fingerprint": b"", "claimed_at": func.now()}
    noted = insert(idempotency_keys).values(project_id=project_id, key=key, **values)
    connection.execute(
        noted.on_conflict_do_update(index_elements=["project_id", "key"], set_=values)
    )


def answer(connection: Connection, project_id: str, key: str, stored: Stored) -> None:
    """Keeps the answer for whoever asks again."""
    connection.execute(
        update(idempotency_keys)
        .where(*_one(project_id, key))
        .values(status=stored.status, headers=dict(stored.headers), body=stored.body)
    )


def release(connection: Connection, project_id: str, key: str) -> None:
    """Lets the next one try under a key at once, with the same subject: it may have been made."""
    mine = *_one(project_id, key), _K.status.is_(None)
    long_ago = func.now() - 2 * _STALE
    connection.execute(update(idempotency_keys).where(*mine).values(claimed_at=long_ago))


def drop(connection: Connection, project_id: str, key: str) -> None:
    """Gives a key up whatever was made under it: the same is asked for anew."""
    connection.execute(delete(idempotency_keys).where(*_one(project_id, key)))


def forget(connection: Connection, project_id: str, key: str) -> None:
    """Gives a key up under which nothing was made."""
    connection.execute(delete(idempotency_keys).where(*_one(project_id, key), _K.status.is_(None)))


def sweep(connection: Connection) -> int:
    """Drops the keys that are over; counts them."""
    over = _K.claimed_at < func.now() - KEPT
    return connection.execute(delete(idempotency_keys).where(over)).rowcount


def _one(project_id: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (_K.project_id == project_id, _K.key == key)
