"""What every test may lean on: real servers, one pair for each test process, and nothing left behind."""

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import nursery
import psutil
import psycopg
import pytest
import redis
from alembic import command
from hypothesis import settings
from psycopg import sql
from slate import OURS, Slate
from sqlalchemy import Engine
from world import Sandbox, World

from darkroom.local.home import Home
from darkroom.local.ports import free_port
from darkroom.local.postgres import Postgres
from darkroom.local.valkey import Valkey
from darkroom.store import keys
from darkroom.store.session import open_engine, transaction
from migrations.config import alembic_config

API_KEY = "dk_test"


def pytest_configure() -> None:
    """No test sees the settings of the person who runs it; every run tries the same examples."""
    settings.register_profile("steady", derandomize=True, deadline=None)
    settings.load_profile("steady")
    for name in list(os.environ):
        if name.startswith(("DARKROOM_", "OPENAI_")):
            del os.environ[name]


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server of the tests' own, with databases made and dropped at will."""

    server: Postgres

    def url_for(self, database: str) -> str:
        return self.server.url_for(database)

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database, a copy of the template; its URL."""
        self.server.create_database(database, template)
        return self.url_for(database)

    def drop(self, database: str) -> None:
        """Drop it if it is there, whoever is still connected."""
        with psycopg.connect(self.url_for("postgres"), autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(database)))


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set up before every other fixture and so torn down after them all."""
    yield
    left = _processes_of(tmp_path_factory.getbasetemp())
    if left:
        pytest.fail("left behind: " + ", ".join(left))


def _processes_of(folder: Path) -> list[str]:
    """Our children, and whoever was started on a path of this test run and lost its parent."""
    ours, servers = set(psutil.Process().children(recursive=True)), nursery.servers()
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            on_a_path = str(folder) in command or process.cwd().startswith(str(folder))
            strange = process not in servers and (process in ours or on_a_path)
            if process.status() != psutil.STATUS_ZOMBIE and strange:
                found.append(f"{process.pid} {command[:80]}")
    return found


@pytest.fixture(scope="session")
def _servers_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("servers"))
    home.prepare()
    yield home
    shutil.rmtree(home.root)


@pytest.fixture(scope="session")
def postgres_server(_servers_home: Home) -> Iterator[PostgresServer]:
    postgres = Postgres(_servers_home, free_port(), durable=False)
    try:
        postgres.start()
        yield PostgresServer(postgres)
    finally:
        postgres.stop()


@pytest.fixture(scope="session")
def template(postgres_server: PostgresServer) -> str:
    """The name of a database at the head of the migrations, to be copied."""
    url = postgres_server.create("template_of_tests")
    command.upgrade(alembic_config(url), "head")
    return "template_of_tests"


@pytest.fixture(scope="session")
def _slate(postgres_server: PostgresServer, template: str) -> Iterator[Slate]:
    slate = Slate(
        lambda: postgres_server.create("slate", template), lambda: postgres_server.drop("slate")
    )
    yield slate
    slate.close()


@pytest.fixture(scope="session")
def _engine(_slate: Slate) -> Iterator[Engine]:
    """Statements are compiled once for all tests of a process, and planned by servers that know the tables."""
    opened = open_engine(_slate.url, application=OURS)
    yield opened
    opened.dispose()


@pytest.fixture
def database_url(_slate: Slate) -> Iterator[str]:
    """A database of this test's own, migrated and empty."""
    yield _slate.url
    _slate.wipe()


@pytest.fixture
def engine(_engine: Engine, database_url: str) -> Engine:
    """The test's own database, as the store opens it."""
    with transaction(_engine) as connection:
        keys.add(
            connection,
            key_id=uuid4(),
            project_id="default",
            name="test",
            secret=API_KEY,
            scopes=("read", "submit", "admin"),
        )
    return _engine


@pytest.fixture(scope="session")
def valkey_server(_servers_home: Home) -> Iterator[Valkey]:
    valkey = Valkey(_servers_home, free_port(), durable=False)
    try:
        valkey.start()
        yield valkey
    finally:
        valkey.stop()


@pytest.fixture
def redis_url(valkey_server: Valkey) -> str:
    """The URL of a broker that is empty when the test begins."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture
def world(engine: Engine, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A database, a broker and a sandbox; workers are the test's to start."""
    made = World(engine, database_url, redis_url, tmp_path, Sandbox.start(tmp_path))
    yield made
    made.close()


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """The broker itself, for a test that hurts it."""
    with redis.Redis.from_url(redis_url) as client:
        yield client
