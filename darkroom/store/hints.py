"""Hints that there may be something to do: a lost one costs a second, never a job."""

from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, func, select

from darkroom.store.session import StoreAway, said_away

CHANNEL = "darkroom"


def ring(connection: Connection) -> None:
    """Hints, when this transaction commits, that workers should look at once."""
    connection.execute(select(func.pg_notify(CHANNEL, "")))


class Listener:
    """One connection that hears hints; it is nobody's transaction and holds no lock.

    Raises:
        StoreAway: from each of its methods but `close`, when the database is away.
    """

    def __init__(self, engine: Engine) -> None:
        with said_away():
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> bool:
        """Whether a hint came within so many seconds."""
        driver: Any = self._connection.connection.driver_connection
        try:
            return any(True for _ in driver.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error as error:
            raise StoreAway("the connection that listens was lost") from error

    def close(self) -> None:
        """Gives the connection up for good: it must not go back to the pool listening."""
        self._connection.invalidate()
        self._connection.close()
