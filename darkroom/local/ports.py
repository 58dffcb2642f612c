"""TCP ports of this machine: picking them, checking them, asking whether somebody answers."""

import errno
import http.client
import secrets
import socket
from urllib.parse import urlsplit

import psutil

from darkroom.local.errors import PortTaken

LOCALHOST = "127.0.0.1"
PICKED = range(15_000, 32_000)
"""Below the ports that systems give to outgoing connections, so that none slips in between."""


class Ports:
    """The ports of one stack: spoken for from the moment they are settled, before anybody listens.

    What says so to other stacks is the UDP port of the same number, which none of us uses; the system lets
    it go whatever becomes of this process.
    """

    def __init__(self) -> None:
        self._twins: list[socket.socket] = []

    def settle(self, port: int, variable: str) -> int:
        """The port itself, or for 0 any that is free and not spoken for.

        Raises:
            PortTaken: It cannot be listened on; `variable` is what the user sets to change it.
        """
        if port:
            require_free(port, variable)
            self._speak_for(port)
            return port
        while not self._speak_for(port := free_port()):
            pass
        return port

    def let_go(self) -> None:
        """They are anybody's again."""
        while self._twins:
            self._twins.pop().close()

    def _speak_for(self, port: int) -> bool:
        twin = _twin(port)
        if twin:
            self._twins.append(twin)
        return twin is not None


def require_free(port: int, variable: str) -> None:
    """Makes sure that this port can be listened on; 0 always can.

    Raises:
        PortTaken: It cannot; `variable` is what the user sets to change it.
    """
    if port and (reason := _refusal(port)):
        raise PortTaken(port, variable, reason)


def free_port() -> int:
    """A port nobody listens on, and that no stack has spoken for."""
    while _refusal(port := secrets.choice(PICKED)) or is_spoken_for(port):
        pass
    return port


def is_spoken_for(port: int) -> bool:
    """Whether a stack has settled on this port."""
    twin = _twin(port)
    if twin:
        twin.close()
    return twin is None


def _twin(port: int) -> socket.socket | None:
    twin = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        twin.bind((LOCALHOST, port))
    except OSError:
        twin.close()
        return None
    return twin


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
