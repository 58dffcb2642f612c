"""Connections that cannot hold the fleet, and the one way to commit."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg import errors
from sqlalchemy import Connection, Engine, create_engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.pool import QueuePool

__all__ = ["Connection", "Engine", "StoreAway", "StoreBusy", "open_engine", "transaction"]

Database = Engine
Transaction = Connection
"""The names under which the doors hand these on: nobody outside this room writes SQL."""

TRANSACTION_SECONDS = 60
IDLE_SECONDS = 10
LOCK_SECONDS = 5

_ALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A network that drops packets is found out within half a minute, not a quarter of an hour."""

_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
    errors.InternalError_,
)
"""A lost connection, a deadlock, a lock's time limit; and the two limits that psycopg files elsewhere.

And what Postgres says where it trips over itself: 18.6 was seen to refuse an UPDATE of a row that many lock,
"new multixact has more than one updating member", and took it when it came again.
"""

_BUSY = (
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.SerializationFailure,
    errors.InternalError_,
)
"""Of these, what a database says that is there and has committed nothing."""


def open_engine(url: str, *, pool: int = 5, application: str = "darkroom") -> Engine:
    """An engine whose connections time out instead of holding locks.

    A frozen process loses its transaction after ten idle seconds, a stuck one after sixty in all. Every
    statement is planned with its values: a plan made without them cannot use an index of one state's jobs.
    `pool` is how many connections are kept; as many again are opened under load.
    """
    timeouts = (
        f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s "
        f"-c transaction_timeout={TRANSACTION_SECONDS}s "
        f"-c lock_timeout={LOCK_SECONDS}s "
        "-c plan_cache_mode=force_custom_plan "
        "-c timezone=UTC"
    )
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=pool,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "options": timeouts,
            "application_name": application,
            "connect_timeout": 5,
            **_ALIVE,
        },
    )


@dataclass(frozen=True, slots=True)
class PoolState:
    """A process's connections: in use, open and idle, and the most there can be."""

    in_use: int
    idle: int
    most: int


def pool_state(engine: Engine) -> PoolState:
    """How an engine that `open_engine` made stands now."""
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    return PoolState(pool.checkedout(), pool.checkedin(), pool.size() + pool._max_overflow)  # noqa: SLF001 - it has no other name


def up_for(connection: Connection) -> timedelta:
    """How long the database has been up."""
    up: timedelta = connection.execute(
        select(func.clock_timestamp() - func.pg_postmaster_start_time())
    ).scalar_one()
    return up


def now_at(connection: Connection) -> datetime:
    """What the database's clock shows: the one clock by which times are judged."""
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


class StoreAway(Exception):  # noqa: N818 - nothing was decided: the caller waits and tries again
    """Postgres cannot be reached, or ended the transaction for a time limit."""


class StoreBusy(StoreAway):
    """Postgres is there: it gave way to another of us, or stumbled, or all our connections are in use."""


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One short transaction: committed at the end of the block, rolled back by any exception.

    Raises:
        StoreAway: the connection was lost or the transaction took too long. After a lost commit it may
            have been committed all the same: what runs in a transaction is a compare-and-set, so that doing
            it again is a miss and not a second time.
        StoreBusy: another was in the way; nothing was committed.
    """
    with said_away(), engine.begin() as connection:
        yield connection


@contextmanager
def sitting(engine: Engine) -> Iterator[Callable[[], AbstractContextManager[Connection]]]:
    """Several transactions of one session, begun one after the other; what is temporary is gone with it.

    Raises:
        StoreAway: as `transaction` does.
    """
    with said_away():
        connection = engine.connect()
    try:
        yield lambda: _part_of(connection)
    finally:
        connection.invalidate()
        connection.close()


@contextmanager
def _part_of(connection: Connection) -> Iterator[Connection]:
    with said_away(), connection.begin():
        yield connection


@contextmanager
def said_away() -> Iterator[None]:
    """Whatever the driver and the pool say of a database that is away or busy, in our two words for it."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, _AWAY):
            raise
        away = StoreBusy if isinstance(cause, _BUSY) else StoreAway
        raise away(_first_line(cause)) from error
    except PoolExhausted as error:
        raise StoreBusy("every connection of this process is in use") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
