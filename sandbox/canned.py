"""Benchmark images: a valid PNG of about a given number of bytes, made once and cheap to repeat."""

import os
import struct
import zlib

_PNG_END = 12
_CHUNK_OVERHEAD = 12
# Lower case first letter: ancillary, so that every decoder skips it.
_PADDING_CHUNK = b"paDd"


def pad_png(png: bytes, size: int) -> bytes:
    """The PNG with an ancillary chunk of random bytes before its end, `size` bytes in all.

    A size below that of the image leaves the image as it is.
    """
    room = size - len(png) - _CHUNK_OVERHEAD
    if room < 0:
        return png
    body = _PADDING_CHUNK + os.urandom(room)
    chunk = struct.pack(">I", room) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-_PNG_END] + chunk + png[-_PNG_END:]
