"""TCP ports of this machine: picking them, checking them, asking whether somebody answers."""

import errno
import http.client
import secrets
import socket
from collections.abc import Container
from urllib.parse import urlsplit

import psutil

from darkroom.local.errors import PortTaken

LOCALHOST = "127.0.0.1"
PICKED = range(15_000, 32_000)
"""Below the ports that systems give to outgoing connections, so that none slips in between."""


def resolved(port: int, variable: str, avoid: Container[int] = ()) -> int:
    """The port itself if it is free, or for 0 a free one that is not to be avoided.

    Raises:
        PortTaken: It cannot be listened on; `variable` is what the user sets to change it.
    """
    if port == 0:
        return free_port(avoid)
    if reason := _refusal(port):
        raise PortTaken(port, variable, reason)
    return port


def free_port(avoid: Container[int] = ()) -> int:
    """A port nobody listens on, and that is not spoken for."""
    while (port := secrets.choice(PICKED)) in avoid or _refusal(port):
        pass
    return port


def accepts(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOCALHOST, port)) == 0


def answers(url: str) -> bool:
    """Whether a GET of this http URL is answered with a 2xx within a second."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=1)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status // 100 == 2  # noqa: PLR2004 - the class of success
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _refusal(port: int) -> str | None:
    """Why we cannot listen on the port."""
    with socket.socket() as probe:
        # The servers set it too: without it a port just closed would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"is used by {_listener(port)}"
            return f"cannot be used: {error.strerror}"
    return None


def _listener(port: int) -> str:
    """Name and pid of who listens there; the command line may hold secrets and is not shown."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            here = getattr(connection.laddr, "port", None) == port
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another program"
