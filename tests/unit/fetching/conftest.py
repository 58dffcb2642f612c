"""A server of raw sockets on loopback, and downloads that the guard lets in to it."""

import pytest
from scripted import ScriptedServer

from darkroom.fetching import FetchFailed, Guard, fetch

INTRANET = Guard(allow_private=True, seconds=10)


@pytest.fixture
def serve():
    """Start a server that plays these scripts; each must have been played at the end."""
    started = []

    def start(*scripts):
        started.append(ScriptedServer(*scripts))
        return started[-1]

    yield start
    for server in started:
        server.close()
        assert not server.scripts


@pytest.fixture
def refused():
    """Download what cannot be; the failure."""

    def ask(url, guard=INTRANET, **options):
        with pytest.raises(FetchFailed) as caught:
            fetch(url, guard, **options)
        return caught.value

    return ask
