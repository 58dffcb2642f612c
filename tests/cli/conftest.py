"""The command line in this process or in its own, and an API of canned answers for it to speak to."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest
from canned import API_KEY, PATIENCE, Api, Handler
from loopback import LoopbackServer

from darkroom.cli.main import ended


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def last_words(self):
        return self.err.splitlines()[-1]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty directory to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def darkroom(capfd):
    """Run a command in this process."""

    def run(*arguments):
        capfd.readouterr()
        status = ended([str(one) for one in arguments])
        told = capfd.readouterr()
        return Outcome(status, told.out, told.err)

    return run


@pytest.fixture
def spawned(tmp_path):
    """Run a command in a process of its own."""

    def run(*arguments, stdin=b"", **env):
        done = subprocess.run(
            [sys.executable, "-m", "darkroom.cli", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            cwd=tmp_path,
            env={**os.environ, **env},
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def write(tmp_path):
    """Write a file into the directory we work in."""

    def into(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return into


@pytest.fixture
def api(monkeypatch):
    """An API elsewhere, as the environment names it."""
    server = LoopbackServer(Handler)
    server.daemon_threads = False
    server.api = Api(f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("DARKROOM_API_URL", server.api.url)
    monkeypatch.setenv("DARKROOM_API_KEY", API_KEY)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.api
    server.shutdown()
    server.server_close()
    thread.join()
