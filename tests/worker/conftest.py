"""A worker's tools, in this very process."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery
from world import World

from darkroom.blobs import open_store
from darkroom.settings import Settings
from darkroom.store import workers
from darkroom.store.session import transaction
from worker.app import build_tools
from worker.tools import Tools


@pytest.fixture
def world(world: World) -> World:
    """Its storage is laid out, as by a worker or the API that came before."""
    store = open_store(world.storage_url)
    store.lay_out(store.identity() or "of-the-test")
    return world


@pytest.fixture
def tools_of(world: World):
    """Makes the tools of a worker that has said it lives, on the broker of this URL."""
    with ExitStack() as stack:

        def made(redis_url: str, spool: Path = world.spool) -> Tools:
            app = stack.enter_context(Celery("test", broker=redis_url, set_as_current=False))
            settings = Settings(
                database_url=world.database_url,
                redis_url=redis_url,
                storage_url=world.storage_url,
                spool=spool,
                openai_base_url=world.sandbox.url,
                openai_api_key="sk-of-the-test",
            )
            tools = build_tools(settings, app)
            stack.callback(hang_up, tools)
            with transaction(tools.engine) as connection:
                workers.beat(connection, tools.name, tools.slots)
            return tools

        yield made


def hang_up(tools: Tools) -> None:
    for upstream in tools.upstreams.values():
        upstream.client().close()
        upstream.limiter._script.registered_client.close()
    tools.engine.dispose()


@pytest.fixture
def tools(world: World, tools_of) -> Tools:
    return tools_of(world.redis_url)
