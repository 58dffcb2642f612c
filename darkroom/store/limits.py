"""What was learned of the providers' limits: it outlives the limiter's memory."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from darkroom.store.tables import learned_limits


def recall(connection: Connection, provider: str, family: str) -> dict[str, float]:
    """Units a minute by dimension, as far as they are known for a provider's family of models."""
    key = _key(provider, family)
    rows = connection.execute(
        select(learned_limits.c.dimension, learned_limits.c.per_minute).where(
            learned_limits.c.key == key
        )
    )
    return {row.dimension: float(row.per_minute) for row in rows}


def remember(
    connection: Connection, provider: str, family: str, limits: Mapping[str, float]
) -> None:
    """Replaces what is known of this family; dimensions in order, for two who remember at once."""
    key = _key(provider, family)
    forgotten = learned_limits.c.dimension.not_in(limits)
    connection.execute(delete(learned_limits).where(learned_limits.c.key == key, forgotten))
    if limits:
        rows = [{"key": key, "dimension": one, "per_minute": limits[one]} for one in sorted(limits)]
        fresh = insert(learned_limits).values(rows)
        connection.execute(
            fresh.on_conflict_do_update(
                index_elements=["key", "dimension"],
                set_={"per_minute": fresh.excluded.per_minute, "learned_at": func.now()},
            )
        )


def forget(connection: Connection, provider: str) -> None:
    """Drops all that was learned of a provider."""
    prefix = _key(provider, "")
    connection.execute(
        delete(learned_limits).where(learned_limits.c.key.startswith(prefix, autoescape=True))
    )


def _key(provider: str, family: str) -> str:
    return f"{provider}/{family}"


def everything(connection: Connection) -> dict[tuple[str, str, str], float]:
    """All that was learned, a minute, by provider, family and dimension."""
    rows = connection.execute(select(learned_limits))
    return {(*_parts(row.key), row.dimension): float(row.per_minute) for row in rows}


def _parts(key: str) -> tuple[str, str]:
    """Provider and family.

    >>> _parts("relay/house/style")
    ('relay', 'house/style')
    """
    provider, _, family = key.partition("/")
    return provider, family
