"""The sockets under the HTTP library: held to the deadline of the call, and watched up to its first byte."""

import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from darkroom.provider.call import Call, CallFailed

_CONNECT_SECONDS = 8.0
"""A host that does not pick up within this is away: the call's deadline is made for painting, and a lease
bears a connection and its encryption one after the other."""
_PIECE = 65_536
_TUNNEL = b"CONNECT "


class Backend(httpcore2.NetworkBackend):
    """Opens connections on behalf of one call at a time.

    The library hands down a timeout for every single read; it is put aside for what is left of the deadline.
    Looking up a name is the one thing that cannot be interrupted.
    """

    call: Call

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """The first connection that one of the host's addresses takes."""
        failed = self.call.unreachable("connection_failed", "the host has no address")
        addresses = self._addresses(host, port)
        for address in addresses:
            try:
                stream = httpcore2.SyncBackend().connect_tcp(
                    address, port, self._patience(len(addresses)), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = self._not_connected(error)
            else:
                return Stream(stream, self)
        raise failed

    def secured(
        self, stream: httpcore2.NetworkStream, context: ssl.SSLContext, name: str | None
    ) -> httpcore2.NetworkStream:
        """The connection, encrypted."""
        try:
            return Stream(stream.start_tls(context, name, self._patience()), self)
        except httpcore2.ConnectError as error:
            raise self.call.unreachable("tls_failed", _why(error)) from None

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = f"the name {host} is not known ({error})"
            raise self.call.unreachable("name_not_resolved", reason) from None
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def _patience(self, tries: int = 1) -> float:
        return min(self.call.left(), _CONNECT_SECONDS / tries)

    def _not_connected(self, error: Exception) -> CallFailed:
        if isinstance(error, httpcore2.ConnectTimeout):
            return self.call.unreachable("connect_timeout", "nobody answers")
        refused = isinstance(error.args[0], ConnectionRefusedError)
        code = "connection_refused" if refused else "connection_failed"
        return self.call.unreachable(code, _why(error))


class Stream(httpcore2.NetworkStream):
    """A connection whose every read and write ends with the deadline of the call it serves."""

    def __init__(self, inner: httpcore2.NetworkStream, backend: Backend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        call = self._backend.call
        data = self._inner.read(max_bytes, call.left())
        call.hung_up = not data
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        call = self._backend.call
        # What opens a tunnel through a proxy goes to the proxy: the request itself comes after it.
        if buffer and not buffer.startswith(_TUNNEL):
            call.left()
            call.hand_over()
        for start in range(0, len(buffer), _PIECE):
            self._inner.write(buffer[start : start + _PIECE], call.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the signature is the library's
    ) -> httpcore2.NetworkStream:
        return self._backend.secured(self._inner, ssl_context, server_hostname)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _why(error: Exception) -> str:
    """The system's words for it.

    >>> _why(httpcore2.ConnectError(ConnectionRefusedError(111, "Connection refused")))
    'Connection refused'
    """
    cause = error.args[0] if error.args else error
    verify = getattr(cause, "verify_message", "")
    return str(verify or getattr(cause, "strerror", None) or cause)
