"""Ports: what one stack has settled on, no other takes, although nobody listens there yet."""

import socket
from types import SimpleNamespace

import pytest

from darkroom.cli.stack import _wanted
from darkroom.local import ports
from darkroom.local.errors import PortTaken
from darkroom.local.ports import Ports, free_port, is_spoken_for

VARIABLE = "DARKROOM_API_PORT"


@pytest.fixture
def stack():
    made = Ports()
    yield made
    made.let_go()


@pytest.fixture
def three(monkeypatch):
    """There are no more ports than these."""
    first = free_port()
    while any(ports._refusal(port) or is_spoken_for(port) for port in range(first, first + 3)):
        first = free_port()
    monkeypatch.setattr(ports, "PICKED", range(first, first + 3))
    return set(ports.PICKED)


@pytest.fixture
def environment():
    """The settings of somebody who asked for no port."""
    return SimpleNamespace(api_port=free_port(), says=lambda _: False)


def test_two_stacks_never_settle_on_the_same_port(stack, three):
    other = Ports()
    settled = [stack.settle(0, VARIABLE), other.settle(0, VARIABLE), stack.settle(0, VARIABLE)]
    assert set(settled) == three
    other.let_go()
    assert free_port() == settled[1], "it is anybody's again"


def test_a_port_that_was_asked_for_is_had_whoever_has_spoken_for_it(stack):
    """Something else may use the UDP port of that number; who comes too late is told by the server itself."""
    port = stack.settle(0, VARIABLE)
    assert Ports().settle(port, VARIABLE) == port


def test_a_port_on_which_somebody_listens_is_refused_and_named(stack):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is used by .* {VARIABLE}"):
            stack.settle(port, VARIABLE)
    assert not is_spoken_for(port)


def test_where_nobody_asked_the_usual_port_is_left_to_the_stack_that_starts(stack, environment):
    said: list[str] = []
    assert _wanted(environment, "api_port", said.append) == environment.api_port
    stack.settle(environment.api_port, VARIABLE)
    assert _wanted(environment, "api_port", said.append) == 0
    assert said == [
        f"port {environment.api_port} may be another stack's that is starting; taking another one"
    ]


def test_who_asked_for_a_port_gets_that_one(stack, environment):
    stack.settle(environment.api_port, VARIABLE)
    environment.says = lambda _: True
    assert _wanted(environment, "api_port", print) == environment.api_port
