"""Hints that there may be something to do: a lost one costs some seconds, never a job."""

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, func, select

from darkroom.store.session import StoreAway, said_away

CHANNEL = "darkroom"


class About(StrEnum):
    """What there may be to do: who has no part in it need not look."""

    LISTS = "lists"
    """Something waits for the readers: a list, a lone request, the plan of a night, its directory."""
    JOBS = "jobs"
    """Jobs or batches may be moved on."""


def ring(connection: Connection, *about: About) -> None:
    """Hints, when this transaction commits, that workers should look at once: by itself, at their jobs."""
    for one in about or (About.JOBS,):
        connection.execute(select(func.pg_notify(CHANNEL, one)))


class Listener:
    """One connection that hears hints; it is nobody's transaction and holds no lock.

    Raises:
        StoreAway: from each of its methods but `close`, when the database is away.
    """

    def __init__(self, engine: Engine) -> None:
        with said_away():
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> AbstractSet[About]:
        """The hints that came until one had come, or until so many seconds had passed."""
        driver: Any = self._connection.connection.driver_connection
        try:
            heard = {one.payload for one in driver.notifies(timeout=seconds, stop_after=1)}
        except psycopg.Error as error:
            raise StoreAway("the connection that listens was lost") from error
        return {one for said in heard for one in _told(said)}

    def close(self) -> None:
        """Gives the connection up for good: it must not go back to the pool listening."""
        self._connection.invalidate()
        self._connection.close()


def _told(said: str) -> tuple[About, ...]:
    """A word that is not known, as another version may say one, may be about anything."""
    return (About(said),) if said in set(About) else tuple(About)
