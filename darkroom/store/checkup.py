"""How the database itself is, for whoever looks after it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, inspect, select, text

from darkroom.store.tables import metadata


@dataclass(frozen=True, slots=True)
class Condition:
    """A server that answers: how old, what time it has, and what of our tables it lacks."""

    version: int
    now: datetime
    read_only: bool
    lacking: tuple[str, ...]
    """Tables, and columns as `table.column`, that the migrations of this version would have made."""


def look(connection: Connection) -> Condition:
    """The condition of this database."""
    number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    now, read_only = connection.execute(
        select(func.clock_timestamp(), func.pg_is_in_recovery())
    ).one()
    return Condition(number // 10_000, now, read_only, lacking(connection))


def lacking(connection: Connection) -> tuple[str, ...]:
    """What the migrations would still have to make."""
    found = inspect(connection).get_multi_columns()
    columns = {table: {known["name"] for known in some} for (_, table), some in found.items()}
    absent = [name for name in metadata.tables if name not in columns]
    wanted = ((name, column.name) for name in metadata.tables for column in metadata.tables[name].c)
    behind = [
        f"{name}.{one}" for name, one in wanted if name in columns and one not in columns[name]
    ]
    return (*absent, *behind)
