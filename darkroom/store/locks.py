"""Advisory locks: what any worker may do, but only one at a time."""

from enum import IntEnum

from sqlalchemy import Connection, func, select

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
    return bool(
        connection.execute(select(func.pg_try_advisory_xact_lock(_SPACE, duty))).scalar_one()
    )
