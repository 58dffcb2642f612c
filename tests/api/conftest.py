"""One real server for all tests of the API; each test is a project of its own on it."""

import contextlib
from pathlib import Path
from uuid import uuid4

import pytest
from desk import METRICS_TOKEN, SCOPES, UPLOAD_MB, Desk, Project, admitted, serving
from factories import Factory

from darkroom.blobs import open_store
from darkroom.store.session import open_engine


@pytest.fixture(scope="session")
def desk(postgres_server, template, valkey_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    url = postgres_server.create("api_of_tests", template)
    engine = open_engine(url)
    environment = {
        "DARKROOM_DATABASE_URL": url,
        "DARKROOM_REDIS_URL": valkey_server.url,
        "DARKROOM_MAX_UPLOAD_MB": str(UPLOAD_MB),
        "DARKROOM_METRICS_TOKEN": METRICS_TOKEN,
        "TMPDIR": str(tmp_path_factory.mktemp("spool")),
    }
    with serving(folder, **environment) as (address, process):
        yield Desk(
            address,
            process,
            engine,
            open_store((folder / "blobs").as_uri()),
            Path(environment["TMPDIR"]),
        )
    engine.dispose()
    postgres_server.drop("api_of_tests")


@contextlib.contextmanager
def _projects(desk):
    with contextlib.ExitStack() as stack:

        def make() -> Project:
            project_id = f"project-{uuid4().hex}"
            clients = {}
            for scope in SCOPES:
                bearer = f"Bearer {admitted(desk, project_id, scope)}"
                clients[scope] = stack.enter_context(desk.client(Authorization=bearer))
            return Project(project_id, clients, Factory(desk.engine, desk.blobs, project_id))

        yield make


@pytest.fixture
def new_project(desk):
    """Makes projects; their clients are closed at the end."""
    with _projects(desk) as make:
        yield make


@pytest.fixture(scope="module")
def module_project(desk):
    """The same, for all tests of a file."""
    with _projects(desk) as make:
        yield make


@pytest.fixture
def project(new_project):
    return new_project()


@pytest.fixture
def make(project):
    """The factory of the test's own project."""
    return project.make


@pytest.fixture
def client(project):
    """A client that may submit and control, as most are."""
    return project.clients["submit"]


@pytest.fixture
def stranger(desk):
    """A client without a key."""
    with desk.client() as client:
        yield client


@pytest.fixture
def submit(client):
    """Submits rows and gives the answer back, whatever it is."""

    def post(**body):
        return client.post("/api/v1/batches", json={"rows": [{"prompt": "a cat"}], **body})

    return post
