"""Parts of what is served: the Range header, and conditions on an ETag."""

import re
from http import HTTPStatus

from starlette.exceptions import HTTPException

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def part(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header asks for, end exclusive; None where all are to be sent.

    Several ranges, and units that nobody knows, are answered with everything, as they may be.
    https://www.rfc-editor.org/rfc/rfc9110#section-14.2

    Raises:
        HTTPException: There is nothing at that place (416).

    >>> part("bytes=0-3", 10), part("bytes=5-", 10), part("bytes=-2", 10), part(None, 10)
    ((0, 4), (5, 10), (8, 10), None)
    """
    found = _ONE.fullmatch((header or "").strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    if last and first and int(last) < int(first):
        return None
    if start >= end:
        raise HTTPException(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"there are only {size:,} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end


def is_same(condition: str | None, tag: str) -> bool:
    """Whether an If-None-Match names this ETag's content.

    https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2

    >>> is_same('W/"a", "b"', '"b"'), is_same("*", '"b"'), is_same('"a"', '"b"'), is_same(None, '"b"')
    (True, True, False, False)
    """
    tags = {one.strip().removeprefix("W/") for one in (condition or "").split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags
