"""The way to the provider and back: one request out, one whole answer in, and every way in which that fails."""

import ssl
from io import BytesIO
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from darkroom.domain.room import LARGEST_IMAGE
from darkroom.provider.answer import useful
from darkroom.provider.backend import Backend
from darkroom.provider.call import Call, CallFailed
from darkroom.provider.complaint import quoted

_MOST_IMAGES = 10
_AROUND = 16 * 1024 * 1024
LARGEST_BODY = _MOST_IMAGES * LARGEST_IMAGE * 4 // 3 + _AROUND
"""Ten of the largest images in base64, and room for what is said beside them; what is longer is not read."""
_ROOM_MADE = 64 * 1024 * 1024
"""No more is laid out on the word of a stranger."""
_KEEP_WARM_SECONDS = 4.0
"""Shorter than any known server's patience with an idle connection, so that none closes as we write."""
_TROUBLE = (
    TimeoutError,
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpx2.DecodingError,
)


class Wire(httpx2.BaseTransport):
    """Carries one call at a time over one connection that is kept warm, sending nothing twice.

    The answer is read to its end in here, so that there is one place in which a call can fail, and only the
    useful headers are let in: there is no redirect to follow and no cookie to bring back.
    """

    def __init__(self, base_url: str, tls: ssl.SSLContext | None) -> None:
        self._backend = Backend()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls,
            proxy=_proxy(base_url),
            max_connections=1,
            keepalive_expiry=_KEEP_WARM_SECONDS,
            retries=0,
            network_backend=self._backend,
        )

    def begin(self, call: Call) -> None:
        """The next request is this call's."""
        self._backend.call = call

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer to the request.

        Raises:
            CallFailed: there is none.
        """
        call = self._backend.call
        try:
            return self._exchanged(request, call)
        except _TROUBLE as error:
            # Without its cause, which may repeat the headers, and so the key.
            raise _failed(call, error) from None

    def _exchanged(self, request: httpx2.Request, call: Call) -> httpx2.Response:
        url, body = request.url, request.stream
        assert isinstance(body, httpx2.SyncByteStream)
        incoming = self._pool.handle_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=body,
                extensions={"timeout": {"pool": call.deadline_seconds}},
            )
        )
        try:
            return _whole(incoming, call)
        finally:
            incoming.close()

    def close(self) -> None:
        """Hang up."""
        self._pool.close()


def _whole(incoming: httpcore2.Response, call: Call) -> httpx2.Response:
    response = httpx2.Response(
        incoming.status, headers=incoming.headers, content=incoming.iter_stream()
    )
    headers = useful(response.headers.items())
    call.request_id = headers.get("x-request-id")
    body = _room(response.headers.get("content-length", ""))
    for part in response.iter_bytes():
        if body.tell() + len(part) > LARGEST_BODY:
            raise call.lost("answer_too_large", f"its answer is longer than {LARGEST_BODY:,} bytes")
        body.write(part)
    body.truncate()
    return httpx2.Response(incoming.status, headers=headers, content=body.getvalue())


def _room(announced: str) -> BytesIO:
    """A buffer of the announced length: one that grows is copied on the way, and leaves holes behind.

    >>> body = _room("3")
    >>> body.write(b"abc"), body.getvalue()
    (3, b'abc')
    """
    body = BytesIO()
    length = int(announced) if announced.isdigit() else 0
    if 0 < length <= _ROOM_MADE:
        body.seek(length - 1)
        body.write(b"\0")
        body.seek(0)
    return body


def _failed(call: Call, error: Exception) -> CallFailed:
    timeout = isinstance(error, TimeoutError | httpcore2.TimeoutException)
    return (
        _lost(call, error, timeout=timeout)
        if call.sent
        else _unreachable(call, error, timeout=timeout)
    )


def _unreachable(call: Call, error: Exception, *, timeout: bool) -> CallFailed:
    if timeout:
        return call.unreachable("connect_timeout", "it was not reached in time")
    if isinstance(error, httpcore2.ProxyError):
        return call.unreachable("proxy_refused", f"the proxy refuses it ({quoted(str(error))})")
    return call.unreachable("connection_failed", "the connection broke as it was made")


def _lost(call: Call, error: Exception, *, timeout: bool) -> CallFailed:
    if timeout:
        return call.lost("deadline_passed", f"no whole answer within {call.deadline_seconds:g} s")
    if call.hung_up or isinstance(error, httpcore2.NetworkError):
        return call.lost("connection_cut", "the connection was cut before the whole answer came")
    return call.lost("protocol_error", "what came back is not HTTP")


def _proxy(base_url: str) -> httpcore2.Proxy | None:
    """The proxy that the environment names for this address, by the rules of HTTPS_PROXY and NO_PROXY."""
    parts = urlsplit(base_url)
    proxies = getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or proxy_bypass(parts.hostname or ""):
        return None
    proxy = httpx2.Proxy(url if "://" in url else f"http://{url}")
    return httpcore2.Proxy(str(proxy.url), auth=proxy.raw_auth)
