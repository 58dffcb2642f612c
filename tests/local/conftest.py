"""Supervisors in processes of their own, on homes of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from darkroom.local import state
from darkroom.local.home import Home
from darkroom.local.patience import until
from darkroom.local.ports import free_port
from darkroom.local.postgres import Postgres
from darkroom.local.stack import Stack

HERE = Path(__file__).parent
ELSEWHERE = {"database_url": "postgresql://127.0.0.1/none", "redis_url": "redis://127.0.0.1/0"}
"""For stacks that need no servers of their own."""
PATIENCE = 15
PYTHONPATH = os.pathsep.join([str(HERE.parents[1]), sysconfig.get_path("purelib")])


class Supervised:
    """A supervisor process and the facts that it tells."""

    def __init__(self, home, options, prefix):
        self.home = home
        self.journal = Path(str(home) + ".journal")
        options = {"api_port": 0, "flower_port": 0, "durable": False, **options}
        command = [*prefix, str(HERE / "supervisor.py"), str(home)]
        self.process = subprocess.Popen(
            [*command, json.dumps(options)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
            start_new_session=True,
            cwd="/",
            text=True,
        )
        self.said = []

    def wait_for(self, key, part=""):
        """The next fact of this key that holds this text."""
        for line in self.process.stdout:
            fact = json.loads(line)
            self.said.append(fact)
            if key in fact and part in str(fact[key]):
                return fact
        pytest.fail(f"never told {key} {part}: {self.said}")

    @property
    def running(self):
        return Stack.running(self.home)

    @property
    def notes(self):
        return self.journal.read_text(encoding="utf-8").splitlines()

    def child(self, name):
        return next(one for one in self.running.children if one.name == name)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.wait_for("stopped")
        assert self.process.wait(PATIENCE) == 0

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        # However a test ended, what the supervisor left must go before the next begins.
        known = state.read(Home(self.home))
        for child in known.children if known else ():
            until(lambda child=child: not child.alive, PATIENCE)


@pytest.fixture(scope="session")
def seed(tmp_path_factory):
    """A home with a database in it, to be copied."""
    home = Home(tmp_path_factory.mktemp("seed") / "home")
    home.prepare()
    postgres = Postgres(home, free_port(), durable=False)
    postgres.start()
    postgres.stop()
    yield home.root
    shutil.rmtree(home.root)


@pytest.fixture
def home(tmp_path):
    """Where no stack has been yet; a path with all that paths may have."""
    home = tmp_path / "ho me 'ü\" 家"
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def seeded(home, seed):
    shutil.copytree(seed, home)
    return home


@pytest.fixture
def open_folder():
    """A folder that every user may pass through."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def supervise(home):
    """Start supervisors; all are gone when the test ends."""
    started = []

    def start(home=home, prefix=(sys.executable,), *, servers=True, **options):
        options |= {} if servers else ELSEWHERE
        started.append(Supervised(home, options, prefix))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def supervise_services(supervise):
    """A supervisor of services alone, ready."""

    def start(*services, **options):
        one = supervise(services=list(services), servers=False, **options)
        one.wait_for("ready")
        return one

    return start
