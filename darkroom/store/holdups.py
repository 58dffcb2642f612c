"""What holds up a provider's calls: written down by the workers that meet it, read by whoever asks why."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, case, delete, func, or_
from sqlalchemy.dialects.postgresql import insert

from darkroom.domain.waiting import WaitingFor
from darkroom.store.tables import holdups

FRESH = timedelta(seconds=20)
"""How long a word holds that nobody repeats."""


def standing() -> ColumnElement[bool]:
    """Whether a holdup is still true, as far as we know."""
    now = func.clock_timestamp()
    return or_(holdups.c.seen_at > now - FRESH, holdups.c.until > now)


def end(connection: Connection, provider: str, reasons: Iterable[WaitingFor]) -> None:
    """Says that these hold up the provider's calls no longer."""
    h = holdups.c
    connection.execute(delete(holdups).where(h.provider == provider, h.reason.in_(reasons)))


def note(
    connection: Connection,
    provider: str,
    reason: WaitingFor,
    detail: str,
    span: timedelta | None = None,
    *,
    general: bool = False,
) -> None:
    """Says that this holds up the provider's calls now, and for how long where that is known.

    General words leave particular ones that still hold.
    """
    h, now = holdups.c, func.clock_timestamp()
    said = {"detail": detail, "seen_at": now, "until": None if span is None else now + span}
    renewed = said | {"since": case((standing(), h.since), else_=now)}
    if general:
        renewed["detail"] = case((standing(), h.detail), else_=detail)
    connection.execute(
        insert(holdups)
        .values(provider=provider, reason=reason, **said)
        .on_conflict_do_update(index_elements=[h.provider, h.reason], set_=renewed)
    )
