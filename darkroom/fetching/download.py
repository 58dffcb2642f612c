"""The download itself: ask, follow, read to the end."""

import ssl
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Final

import httpcore2
import httpx2

from darkroom.fetching.backend import Backend, Deadline
from darkroom.fetching.failure import FetchCode, FetchFailed, failed, shown
from darkroom.fetching.guard import Guard, Lookup, allowed_addresses, port, system_lookup, target

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({408, 425, 429})
_HEADERS: Final = (
    (b"User-Agent", b"darkroom"),
    (b"Accept", b"image/png, image/jpeg, image/webp, */*;q=0.1"),
    # Packed, a small answer could unfold into a huge one.
    (b"Accept-Encoding", b"identity"),
    (b"Connection", b"close"),
)
_TROUBLE: Final = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)


def fetch(
    url: str,
    guard: Guard,
    *,
    lookup: Lookup = system_lookup,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Return the bytes behind a URL that a stranger wrote. What they are is not judged.

    Every address is checked before it is connected to, on each redirect anew. Neither cookies, proxies nor
    credentials of ours go along. `tls` is what encrypted connections trust (the system's list by default,
    read anew each time): hand one in when there are many URLs.

    Raises:
        FetchFailed: there are none, and why.
    """
    walk = _Walk(guard, lookup, tls, Deadline(guard.seconds))
    here = target(url, guard)
    for _ in range(guard.redirects + 1):
        answer = walk.ask(here)
        if isinstance(answer, bytes):
            return answer
        here = answer
    words = f"it sends us on more than {guard.redirects} times; give the URL at the end of the way"
    raise failed(FetchCode.REDIRECT_REFUSED, here, words)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One download, over all of its redirects."""

    guard: Guard
    lookup: Lookup
    tls: ssl.SSLContext | None
    deadline: Deadline

    def ask(self, url: httpx2.URL) -> bytes | httpx2.URL:
        """The file, or where it is said to be."""
        backend = Backend(allowed_addresses(url, self.guard, self.lookup), self.deadline)
        try:
            return self._exchange(url, backend)
        except _TROUBLE as error:
            raise _broken(url, error, backend) from None

    def _exchange(self, url: httpx2.URL, backend: Backend) -> bytes | httpx2.URL:
        there = httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=port(url), target=url.raw_path
        )
        headers = [(b"Host", url.netloc), *_HEADERS]
        with (
            httpcore2.HTTPConnection(
                there.origin, ssl_context=self.tls, network_backend=backend
            ) as connection,
            connection.stream("GET", there, headers=headers) as response,
        ):
            if response.status in _REDIRECTS:
                return self._next(url, _header(response, b"location"))
            _check_status(url, response.status)
            return self._body(url, response)

    def _next(self, url: httpx2.URL, location: str) -> httpx2.URL:
        if not location:
            words = "it sends us on without saying where to; give the URL of the picture itself"
            raise failed(FetchCode.REDIRECT_REFUSED, url, words)
        there = target(location, self.guard, url)
        if (url.scheme, there.scheme) == ("https", "http"):
            words = f"it sends us from https on to {shown(there)}; give a URL that stays encrypted"
            raise failed(FetchCode.REDIRECT_REFUSED, url, words)
        return there

    def _body(self, url: httpx2.URL, response: httpcore2.Response) -> bytes:
        if _header(response, b"content-encoding").lower() not in {"", "identity"}:
            words = "its host sends it packed although it was asked for plain; host it elsewhere"
            raise failed(FetchCode.PROTOCOL_ERROR, url, words)
        largest = self.guard.largest_bytes
        if int(_header(response, b"content-length") or 0) > largest:
            raise _too_large(url, largest)
        body = BytesIO()
        for part in response.iter_stream():
            if body.tell() + len(part) > largest:
                raise _too_large(url, largest)
            body.write(part)
        return body.getvalue()


def _header(response: httpcore2.Response, name: bytes) -> str:
    found = (value for key, value in response.headers if key.lower() == name)
    return next(found, b"").decode("utf-8", "replace").strip()


def _check_status(url: httpx2.URL, status: int) -> None:
    if status == HTTPStatus.OK:
        return
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        words = f"its host answers {status} and may do better later; try again"
        raise failed(FetchCode.BUSY, url, words)
    words = (
        f"its host answers {status}; see that the URL works without signing in and is still valid"
    )
    raise failed(FetchCode.REFUSED, url, words)


def _too_large(url: httpx2.URL, largest: int) -> FetchFailed:
    return failed(FetchCode.TOO_LARGE, url, f"it is larger than {largest:,} bytes; make it smaller")


def _broken(url: httpx2.URL, error: Exception, backend: Backend) -> FetchFailed:
    cause = error.__cause__
    if backend.deadline.passed:
        seconds = backend.deadline.seconds
        words = f"it was not here within {seconds:g} s; try again or host it elsewhere"
        return failed(FetchCode.DEADLINE_PASSED, url, words)
    if isinstance(cause, ssl.SSLError):
        why = getattr(cause, "verify_message", "") or cause.reason
        words = f"no safe connection ({why}); correct its host's certificate"
        return failed(FetchCode.TLS_FAILED, url, words)
    if isinstance(error, httpcore2.ConnectError | httpcore2.ConnectTimeout):
        words = "its host does not answer; see that it runs"
        return failed(FetchCode.CONNECTION_FAILED, url, words)
    if isinstance(error, httpcore2.ProtocolError) and not backend.hung_up:
        return failed(
            FetchCode.PROTOCOL_ERROR, url, "its host does not speak HTTP; correct the URL"
        )
    return failed(FetchCode.CUT, url, "the connection broke before all of it was here; try again")
