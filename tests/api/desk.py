"""The server under test, the projects on it, and what its refusals must look like."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
from factories import Factory
from world import Process

from api.fresh import fresh_key
from darkroom.blobs import BlobStore
from darkroom.store import keys
from darkroom.store.session import Engine, transaction

UPLOAD_MB = 64
METRICS_TOKEN = "token-of-the-monitor"
SCOPES = ("read", "submit", "admin")


@dataclass(frozen=True, slots=True)
class Desk:
    """A server process and what it works on."""

    url: str
    process: Process
    engine: Engine
    blobs: BlobStore
    folder: Path

    def client(self, **headers: str) -> httpx2.Client:
        """A client of it; `verify` spares each the loading of certificates that plain HTTP has no use for."""
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30, verify=False)


@dataclass(frozen=True, slots=True)
class Project:
    """A project with a key, and a client, of each scope."""

    id: str
    clients: dict[str, httpx2.Client]
    make: Factory


@contextlib.contextmanager
def serving(folder: Path, **environment: str) -> Iterator[tuple[str, Process]]:
    """Runs the server as production runs it."""
    argv = (sys.executable, "-m", "uvicorn", "--factory", "api.app:create_app", "--port", "0")
    env = {"DARKROOM_LOG_FORMAT": "json", "DARKROOM_STORAGE_URL": (folder / "blobs").as_uri()}
    process = Process(argv, env | environment, folder / "api.log")
    try:
        url = process.saw("Uvicorn running on").split(" running on ")[1].split()[0]
        yield url, process
    finally:
        process.close()


def admitted(desk: Desk, project_id: str, *scopes: str) -> str:
    """A new key of this project."""
    secret = fresh_key()
    with transaction(desk.engine) as connection:
        keys.add(
            connection,
            key_id=uuid4(),
            project_id=project_id,
            name="of a test",
            secret=secret,
            scopes=scopes,
        )
    return secret


def assert_problem(response, status: int, code: str | None = None) -> dict:
    """It is a problem document, whole and true to its status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["instance"] == response.request.url.path
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    if code is not None:
        assert problem["code"] == code
    return problem
