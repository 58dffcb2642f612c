"""Pictures that stand in a row itself, as data URLs."""

import binascii
from typing import Final

import pybase64

from darkroom.pictures.formats import NotAPicture

_LONGEST: Final = 20_971_520


def decoded(data_url: str) -> bytes | NotAPicture:
    r"""The bytes in a data URL.

    >>> decoded("data:image/png;base64,iVBORw==")
    b'\x89PNG'
    """
    if len(data_url) > _LONGEST:
        return NotAPicture(f"longer than {_LONGEST:,} characters; upload it as a file")
    head, comma, payload = data_url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        return NotAPicture("no data URL of a picture; write data:image/png;base64,…")
    try:
        return pybase64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return NotAPicture("its base64 is broken; encode it again")
