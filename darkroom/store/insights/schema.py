"""Whether this database is the one that this program was written for."""

from sqlalchemy import Connection, inspect

from darkroom.store.tables import metadata


def missing_tables(connection: Connection) -> list[str]:
    """The tables that this database lacks: its migrations have not been run."""
    return sorted(metadata.tables.keys() - inspect(connection).get_table_names())
