"""A scripted server, clients of it that are closed at the end, and a real sandbox process."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from scripted import ScriptedServer

from darkroom.provider import Client, Provider

KEY = "sk-test-4f9a1c7e2b8d"
ROOT = Path(__file__).parents[2]
WITHIN = 20


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def serve():
    """Start a server that plays these scripts."""
    started = []

    def start(*scripts):
        started.append(ScriptedServer(*scripts))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def connect(serve):
    """Make a client of this address; it hangs up before the servers are asked whether they are done."""
    clients = []

    def client(url, tls=None):
        clients.append(Client(Provider("test", url, KEY), tls))
        return clients[-1]

    yield client
    for one in clients:
        one.close()


def say(client, may_send=lambda: True, deadline=5.0, prompt="a red fox"):
    """One call with everything a test does not care about."""
    return client.call(
        "/v1/images/generations",
        {"model": "gpt-image-2", "prompt": prompt, "size": "1024x1024", "quality": "low"},
        deadline_seconds=deadline,
        may_send=may_send,
        client_request_id="0192-attempt",
    )


@pytest.fixture
def call():
    return say


@pytest.fixture(scope="session")
def _sandbox():
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        url = process.stdout.readline().split()[-1]
        with httpx2.Client(base_url=url.removesuffix("/v1"), timeout=WITHIN) as control:
            yield url, control
        process.kill()


@pytest.fixture
def sandbox(_sandbox):
    """The URL of a sandbox that has seen no call, and a way to ask it what it saw."""
    url, control = _sandbox
    control.post("/_sandbox/reset").raise_for_status()
    yield url, lambda: control.get("/_sandbox/ledger").raise_for_status().json()["calls"]
    control.post("/_sandbox/reset").raise_for_status()
