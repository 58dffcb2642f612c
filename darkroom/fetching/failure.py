"""Every way in which a download ends without its bytes."""

from enum import StrEnum, auto
from typing import Final

import httpx2

from darkroom.domain.problem import clipped

_URL_SHOWN: Final = 200


class FetchCode(StrEnum):
    """Why there are no bytes: stable, and made for programs."""

    BAD_URL = auto()
    """Not a whole http or https URL, or one that carries a password."""
    NOT_ALLOWED = auto()
    """The guard does not let us go there: an inner address, or an unusual port."""
    REDIRECT_REFUSED = auto()
    """It sends us on to nowhere, too often, or from https back to http."""
    NAME_NOT_RESOLVED = auto()
    CONNECTION_FAILED = auto()
    TLS_FAILED = auto()
    DEADLINE_PASSED = auto()
    CUT = auto()
    """The connection broke before the announced end of the file."""
    PROTOCOL_ERROR = auto()
    """What came back is not HTTP, or is packed although we asked for it plain."""
    TOO_LARGE = auto()
    REFUSED = auto()
    """The host answered with a status that will not change by itself, as 404."""
    BUSY = auto()
    """The host answered 408, 425, 429 or 5xx."""

    @property
    def passing(self) -> bool:
        """Whether the same URL may well work a little later.

        >>> FetchCode.BUSY.passing, FetchCode.TOO_LARGE.passing
        (True, False)
        """
        return self in _PASSING


_PASSING: Final = frozenset(
    {
        FetchCode.NAME_NOT_RESOLVED,
        FetchCode.CONNECTION_FAILED,
        FetchCode.DEADLINE_PASSED,
        FetchCode.CUT,
        FetchCode.BUSY,
    }
)


class FetchFailed(Exception):  # noqa: N818 - named for what it says, as the other rooms' ends are
    """There are no bytes. Its words name the fix, and are safe to show: no query, no user, no password."""

    def __init__(self, code: FetchCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def failed(code: FetchCode, url: httpx2.URL, words: str) -> FetchFailed:
    """The failure, with the place where it came to pass."""
    return FetchFailed(code, f"{shown(url)}: {words}")


def shown(url: httpx2.URL) -> str:
    """As much of an http URL as may be shown: queries carry signatures.

    >>> shown(httpx2.URL("https://me:secret@cdn.example:444/shoe.png?signature=secret#secret"))
    'https://cdn.example:444/shoe.png'
    """
    path = url.raw_path.partition(b"?")[0]
    return clipped(b"".join((url.raw_scheme, b"://", url.netloc, path)).decode("ascii"), _URL_SHOWN)
