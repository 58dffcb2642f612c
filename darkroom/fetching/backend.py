"""The sockets of a download: opened to the addresses that were checked, and held to its deadline."""

import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import httpcore2

_CONNECT_SECONDS: Final = 8.0
"""A host that does not pick up within this is away, however much time is left."""
_LEAST: Final = 0.001
"""A socket takes zero seconds for another mode of working."""


class Deadline:
    """The moment at which a download has taken too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() >= self._end

    def left(self) -> float:
        """Seconds that a socket may still take, never none."""
        return max(_LEAST, self._end - time.monotonic())


class Backend(httpcore2.NetworkBackend):
    """Connects to these addresses only, whatever the name: a second look-up could answer otherwise."""

    def __init__(self, addresses: Sequence[str], deadline: Deadline) -> None:
        self._addresses = addresses
        self.deadline = deadline
        self.hung_up = False
        """The other side closed the connection while it was read."""

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the signature is the library's
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """The first connection that one of the addresses takes."""
        error: Exception = httpcore2.ConnectError("no address")
        for address in self._addresses:
            patience = min(self.deadline.left(), _CONNECT_SECONDS / len(self._addresses))
            try:
                stream = httpcore2.SyncBackend().connect_tcp(
                    address, port, patience, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                error = failed
            else:
                return Stream(stream, self)
        raise error


class Stream(httpcore2.NetworkStream):
    """A connection whose reads and writes all end with the deadline, however the bytes trickle."""

    def __init__(self, inner: httpcore2.NetworkStream, backend: Backend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        # A sender that never pauses would never wait for a socket's own timeout.
        if self._backend.deadline.passed:
            raise httpcore2.ReadTimeout
        data = self._inner.read(max_bytes, self._backend.deadline.left())
        self._backend.hung_up = not data
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._inner.write(buffer, self._backend.deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the signature is the library's
    ) -> httpcore2.NetworkStream:
        patience = self._backend.deadline.left()
        secured = self._inner.start_tls(ssl_context, server_hostname, patience)
        return Stream(secured, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
