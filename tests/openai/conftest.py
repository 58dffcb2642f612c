"""A server and a worker for all tests of the dialect; each test is a project of its own, with the client it knows."""

import shutil
from collections.abc import Iterator
from uuid import uuid4

import openai
import pytest
from desk import Desk, admitted, serving
from factories import Factory
from shop import Shop
from world import Sandbox, World

from darkroom.blobs import open_store
from darkroom.local.home import Home
from darkroom.local.ports import free_port
from darkroom.local.valkey import Valkey
from darkroom.store.session import open_engine


@pytest.fixture(scope="session")
def studio(postgres_server, template, tmp_path_factory) -> Iterator[World]:
    """A world of its own with one worker: no other test empties its broker."""
    folder = tmp_path_factory.mktemp("studio")
    home = Home(tmp_path_factory.mktemp("studio-home"))
    home.prepare()
    valkey = Valkey(home, free_port(), durable=False)
    valkey.start()
    url = postgres_server.create("studio_of_tests", template)
    engine = open_engine(url)
    world = World(engine, url, valkey.url, folder, Sandbox.start(folder))
    try:
        world.start_worker()
        yield world
    finally:
        world.close()
        engine.dispose()
        postgres_server.drop("studio_of_tests")
        valkey.stop()
        shutil.rmtree(home.root)


@pytest.fixture(scope="session")
def counter(studio) -> Iterator[Desk]:
    """The API on that world."""
    environment = {
        "DARKROOM_DATABASE_URL": studio.database_url,
        "DARKROOM_REDIS_URL": studio.redis_url,
        "DARKROOM_STORAGE_URL": studio.storage_url,
        "DARKROOM_REQUESTS_PER_MINUTE": "1",
    }
    with serving(studio.folder, **environment) as (url, process):
        yield Desk(url, process, studio.engine, open_store(studio.storage_url), studio.folder)


@pytest.fixture
def shop(counter) -> Iterator[Shop]:
    project_id = f"project-{uuid4().hex}"
    key = admitted(counter, project_id, "read", "submit")
    with openai.OpenAI(api_key=key, base_url=f"{counter.url}/v1") as client:
        make = Factory(counter.engine, counter.blobs, project_id)
        yield Shop(project_id, key, counter.url, client, make)


@pytest.fixture
def ended(studio):
    """Waits until a batch has ended; the batch as the client sees it then."""

    def wait(shop, batch):
        with studio.listening() as listener:
            for _ in range(240):
                found = shop.client.batches.retrieve(batch.id)
                if found.status in {"completed", "failed", "expired", "cancelled"}:
                    return found
                listener.wait(0.25)
        raise AssertionError(found)

    return wait
