"""Advisory locks: what any worker may do, but only one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.exc import DBAPIError

from darkroom.store.session import said_away

_SPACE = 0xDA4C


class Duty(IntEnum):
    """Chores of the clock that every worker tries, made harmless in numbers."""

    DISPATCH = 1
    REAP = 2
    FINALIZE = 3
    SWEEP = 4
    CONCLUDE = 5
    BUDGET = 6


def try_lock(connection: Connection, duty: Duty) -> bool:
    """Takes a duty until this transaction ends, if nobody else has it."""
    return bool(connection.execute(_trying(duty)).scalar_one())


@cache
def _trying(duty: Duty) -> Select[Any]:
    return select(func.pg_try_advisory_xact_lock(_SPACE, duty))


@contextmanager
def holding(engine: Engine, duty: Duty) -> Iterator[bool]:
    """Holds a duty over many transactions, if nobody else has it; says whether.

    By a connection of its own that is in no transaction and ends with the duty: whoever dies lets it go.

    Raises:
        StoreAway: there is no such connection.
    """
    with said_away():
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        with said_away():
            mine = connection.execute(select(func.pg_try_advisory_lock(_SPACE, duty))).scalar_one()
        yield bool(mine)
    finally:
        # A server that ends a connection takes a moment to let its locks go.
        with suppress(DBAPIError):
            connection.execute(select(func.pg_advisory_unlock_all()))
        connection.invalidate()
        connection.close()
