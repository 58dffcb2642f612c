"""The migrations and the tables say the same."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

from darkroom.store.tables import metadata
from migrations.config import alembic_config


def test_a_migrated_database_is_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_up_from_empty_down_to_nothing_and_up_again(postgres_server) -> None:
    url = postgres_server.create("updown")
    config = alembic_config(url)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    bare = create_engine(url)
    assert set(inspect(bare).get_table_names()) <= {"alembic_version"}
    command.upgrade(config, "head")
    assert set(inspect(bare).get_table_names()) >= {"jobs", "attempts", "batches"}
    bare.dispose()
    postgres_server.drop("updown")
