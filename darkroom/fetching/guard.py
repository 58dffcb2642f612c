"""What a URL must be before anybody goes there, and the one look-up of where that is."""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import httpx2

from darkroom.fetching.addresses import refusal
from darkroom.fetching.failure import FetchCode, FetchFailed, failed

Lookup = Callable[[str, int], Sequence[str]]
"""The addresses of a host's name, for a port; OSError if it has none."""

_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65_535
_NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9_][a-z0-9_-]{0,62}(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?"
)
# What the system's resolver would read as an address, in any of its old spellings: 127.1, 0x7f.1, 2130706433.
_NUMERIC: Final = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)\.?")


@dataclass(frozen=True, slots=True)
class Guard:
    """How far a download may go.

    `seconds` of wall clock span everything from the look-up to the last byte, over all redirects; only the
    system's look-up itself cannot be interrupted. `allow_private` (an intranet, a test) opens loopback and
    private networks and every port.
    """

    largest_bytes: int = 50_000_000
    seconds: float = 30
    redirects: int = 3
    allow_private: bool = False
    ports: frozenset[int] = frozenset(_PORTS.values())


def target(text: str, guard: Guard, base: httpx2.URL | None = None) -> httpx2.URL:
    """Return the URL, relative to `base` if one is given, as one that may be asked for. Raises FetchFailed."""
    try:
        url = httpx2.URL(text) if base is None else base.join(text)
    except (httpx2.InvalidURL, ValueError):
        # The words of the error repeat the URL.
        raise _bad("it cannot be read") from None
    if url.scheme not in _PORTS or not url.raw_host:
        raise _bad("it has no http:// or https:// and host")
    _check(url, guard)
    return url


def blocked(text: str, guard: Guard) -> FetchFailed | None:
    """Why nobody would go there, as far as the URL alone tells: nothing is looked up.

    >>> blocked("http://192.168.0.7/shoe.png", Guard()).code, blocked("http://cdn.example/a", Guard())
    (<FetchCode.NOT_ALLOWED: 'not_allowed'>, None)
    """
    try:
        target(text, guard)
    except FetchFailed as failure:
        return failure
    return None


def port(url: httpx2.URL) -> int:
    """The port that the URL names or means."""
    return _PORTS[url.scheme] if url.port is None else url.port


def system_lookup(host: str, to_port: int) -> list[str]:
    """The system's answer, in its order of preference."""
    found = socket.getaddrinfo(host, to_port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def allowed_addresses(url: httpx2.URL, guard: Guard, lookup: Lookup) -> list[str]:
    """Look the host up, once, and return its addresses. Raises FetchFailed if any of them is an inner one."""
    try:
        found = [ip_address(address) for address in lookup(url.raw_host.decode(), port(url))]
    except (OSError, UnicodeError):
        found = []
    if not found:
        words = "the name of its host is not known; correct it"
        raise failed(FetchCode.NAME_NOT_RESOLVED, url, words)
    for address in found:
        kind = refusal(address, allow_private=guard.allow_private)
        if kind:
            raise _inner(url, kind)
    return [str(address) for address in found]


def _check(url: httpx2.URL, guard: Guard) -> None:
    if url.userinfo:
        words = "a user name or password in a URL is not used; take it out"
        raise failed(FetchCode.BAD_URL, url, words)
    host = url.raw_host.decode()
    if not _is_host(host):
        words = "its host is neither a name nor a plain address; write it as images.example"
        raise failed(FetchCode.BAD_URL, url, words)
    if not guard.allow_private and host.rstrip(".").rpartition(".")[2] == "localhost":
        raise _inner(url, "loopback")
    if kind := _kind_of_address(host, guard):
        raise _inner(url, kind)
    _check_port(url, guard)


def _kind_of_address(host: str, guard: Guard) -> str | None:
    """What is wrong with a host that is an address itself."""
    try:
        return refusal(ip_address(host), allow_private=guard.allow_private)
    except ValueError:
        return None


def _check_port(url: httpx2.URL, guard: Guard) -> None:
    if not 0 < port(url) <= _LAST_PORT:
        raise failed(FetchCode.BAD_URL, url, f"there is no port {port(url)}; correct it")
    if not guard.allow_private and port(url) not in guard.ports:
        allowed = " and ".join(map(str, sorted(guard.ports)))
        words = f"port {port(url)} is not allowed; serve it on {allowed}"
        raise failed(FetchCode.NOT_ALLOWED, url, words)


def _is_host(host: str) -> bool:
    r"""Tell names and addresses in their one plain spelling from everything else.

    >>> [_is_host(host) for host in ("cdn.example", "93.184.216.34", "2606:2800::1")]
    [True, True, True]
    >>> [_is_host(host) for host in ("0x5d.1", "1572395042", "0135.0.0.1", "fe80::1%eth0", "a%20b")]
    [False, False, False, False, False]
    """
    if _NAME.fullmatch(host) and not _NUMERIC.fullmatch(host):
        return True
    try:
        return "%" not in str(ip_address(host))
    except ValueError:
        return False


def _bad(what: str) -> FetchFailed:
    words = (
        f"this is not the URL of a picture: {what}; write it in full, as https://host/picture.png"
    )
    return FetchFailed(FetchCode.BAD_URL, words)


def _inner(url: httpx2.URL, kind: str) -> FetchFailed:
    words = f"it leads to a {kind} address; give a public URL, or hand the picture in as a file"
    return failed(FetchCode.NOT_ALLOWED, url, words)
