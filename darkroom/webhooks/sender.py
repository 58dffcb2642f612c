"""The sending of a webhook: to checked addresses only, once, within ten seconds, and no further than told."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpcore2

from darkroom.fetching.backend import Backend, Deadline
from darkroom.fetching.failure import FetchCode, FetchFailed
from darkroom.fetching.guard import Guard, Lookup, allowed_addresses, port, system_lookup, target
from darkroom.provider.hint import retry_after

SECONDS: Final = 10.0
_TROUBLE: Final = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)
_WORDS: Final = {
    FetchCode.BAD_URL: "it is not a URL such as https://shop.example/hooks",
    FetchCode.NOT_ALLOWED: "it leads to an inner address or an unusual port; give a public URL",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What an endpoint answered, and how long it asks us to wait before we say it again."""

    status: int
    wait: timedelta | None = None


class NotDelivered(Exception):  # noqa: N818 - named for what it says
    """No answer came; the words are safe to show."""


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    guard: Guard,
    tls: ssl.SSLContext | None = None,
    *,
    lookup: Lookup = system_lookup,
) -> Answered:
    """What was answered; redirects are not followed and what it says is not read.

    The host is looked up once and every address of it checked before one is connected to.

    Raises:
        NotDelivered: nobody may or can be told, or no answer came in time.
    """
    deadline = Deadline(SECONDS)
    try:
        there = target(url, guard)
        backend = Backend(allowed_addresses(there, guard, lookup), deadline)
    except FetchFailed as refused:
        raise NotDelivered(_WORDS.get(refused.code, "the name of its host is not known")) from None
    address = httpcore2.URL(
        scheme=there.raw_scheme, host=there.raw_host, port=port(there), target=there.raw_path
    )
    lines = [(b"Host", there.netloc), *_headers(headers, body)]
    try:
        with (
            httpcore2.HTTPConnection(
                address.origin, ssl_context=tls, network_backend=backend
            ) as connection,
            connection.stream("POST", address, headers=lines, content=body) as response,
        ):
            return Answered(response.status, _wait(response.headers))
    except _TROUBLE as error:
        raise NotDelivered(_said(error, deadline)) from None


def _wait(headers: Sequence[tuple[bytes, bytes]]) -> timedelta | None:
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    seconds = retry_after(named, "")
    return None if seconds is None else timedelta(seconds=seconds)


def _headers(headers: Mapping[str, str], body: bytes) -> list[tuple[bytes, bytes]]:
    plain = {
        "User-Agent": "darkroom",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    return [(name.encode(), value.encode()) for name, value in plain.items()]


def _said(error: Exception, deadline: Deadline) -> str:
    if deadline.passed:
        return f"no answer within {deadline.seconds:g} s"
    if isinstance(error.__cause__, ssl.SSLError):
        return "no safe connection; correct its host's certificate"
    if isinstance(error, httpcore2.ConnectError | httpcore2.ConnectTimeout):
        return "its host does not take the connection"
    return "the connection broke before an answer came"
