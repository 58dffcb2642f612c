"""One database that is wiped between tests: as empty as a fresh copy of the template, in a tenth of the time."""

from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import sql

OURS = "tests"
"""By this name the connections of the tests' own engine are known: those that are idle are kept."""

_INTERRUPT = f"""
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND (application_name <> '{OURS}' OR state <> 'idle')
"""
_SHAPE = """
    SELECT (SELECT array_agg((relname, relkind, relchecks, relhastriggers, reloptions::text) ORDER BY relname)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace),
           (SELECT array_agg((tgrelid, tgname, tgenabled) ORDER BY tgrelid, tgname) FROM pg_trigger),
           (SELECT array_agg(proname ORDER BY proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
           (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped AND attrelid > 16000),
           (SELECT count(*) FROM pg_db_role_setting)
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_REWIND = """
    SELECT setval(quote_ident(sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""
_SEED = "CREATE TEMPORARY TABLE {seed} AS TABLE public.{table}"
_SOW = "INSERT INTO public.{table} OVERRIDING SYSTEM VALUE TABLE pg_temp.{seed}"


class Slate:
    """A database made by `make` and, where a test has changed more than rows, dropped and made anew."""

    def __init__(self, make: Callable[[], str], drop: Callable[[], None]) -> None:
        self._make, self._drop = make, drop
        self._begin()

    def _begin(self) -> None:
        self.url = self._make()
        self._hand = psycopg.connect(self.url, autocommit=True, application_name="slate")
        self._hand.execute("SET session_replication_role = replica")
        self._tables = [name for (name,) in self._hand.execute(_TABLES)]
        self._seeds = self._filled()
        for name in self._seeds:
            self._hand.execute(_of(_SEED, name))
        self._shape = self._hand.execute(_SHAPE).fetchone()

    def _filled(self) -> list[str]:
        each = [
            sql.SQL("SELECT {} WHERE EXISTS (TABLE public.{})").format(name, sql.Identifier(name))
            for name in self._tables
        ]
        return [name for (name,) in self._hand.execute(sql.SQL(" UNION ALL ").join(each))]

    def wipe(self) -> None:
        """Ends whoever is still at work in it, and leaves it as it was made."""
        if not self._is_whole():
            self.close()
            self._begin()
            return
        for name in self._filled():
            self._hand.execute(_of("DELETE FROM public.{table}", name))
        for name in self._seeds:
            self._hand.execute(_of(_SOW, name))
        self._hand.execute(_REWIND)

    def _is_whole(self) -> bool:
        try:
            self._hand.execute(_INTERRUPT)
            return self._hand.execute(_SHAPE).fetchone() == self._shape
        except psycopg.OperationalError:
            return False  # a test has cut every connection, ours as well

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._hand.close()
        self._drop()


def _of(statement: str, table: str) -> sql.Composed:
    seed = sql.Identifier(f"seed_{table}")
    return sql.SQL(statement).format(table=sql.Identifier(table), seed=seed)
