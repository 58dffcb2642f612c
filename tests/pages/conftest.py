"""One real server for the tests of the pages, and browsers of a kind that keep a cookie and say where a form stands."""

import contextlib
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from desk import UPLOAD_MB, Desk, Project, admitted, serving
from factories import Factory

from darkroom.blobs import open_store
from darkroom.store.session import open_engine


@pytest.fixture(scope="session")
def desk(postgres_server, template, valkey_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    url = postgres_server.create("pages_of_tests", template)
    engine = open_engine(url)
    environment = {
        "DARKROOM_DATABASE_URL": url,
        "DARKROOM_REDIS_URL": valkey_server.url,
        "DARKROOM_MAX_UPLOAD_MB": str(UPLOAD_MB),
        "DARKROOM_FLOWER_URL": "http://127.0.0.1:5555",
    }
    with serving(folder, **environment) as (address, process):
        blobs = open_store((folder / "blobs").as_uri())
        yield Desk(address, process, engine, blobs, Path(folder))
    engine.dispose()
    postgres_server.drop("pages_of_tests")


@pytest.fixture
def enter(desk):
    """Signs somebody in with a key of this project and scope, as the form does."""
    with contextlib.ExitStack() as stack:

        def signed_in(project_id: str, scope: str = "submit") -> httpx2.Client:
            browser = stack.enter_context(desk.client(Origin=desk.url))
            answer = browser.post("/login", data={"key": admitted(desk, project_id, scope)})
            assert answer.status_code == 303, answer.text
            return browser

        yield signed_in


@pytest.fixture
def project(desk):
    project_id = f"project-{uuid4().hex}"
    admitted(desk, project_id, "admin")
    return Project(project_id, {}, Factory(desk.engine, desk.blobs, project_id))


@pytest.fixture
def make(project):
    return project.make


@pytest.fixture
def browser(enter, project):
    """Somebody who may submit and control."""
    return enter(project.id)


@pytest.fixture
def reader(enter, project):
    """Somebody who may only look."""
    return enter(project.id, "read")


@pytest.fixture
def stranger(desk):
    with desk.client(Origin=desk.url) as client:
        yield client
