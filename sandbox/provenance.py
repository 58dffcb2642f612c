"""Provenance in a PNG, as providers sign what they make: a C2PA manifest in a chunk of its own.

https://spec.c2pa.org/specifications/specifications/2.1/specs/C2PA_Specification.html
"""

import struct
import zlib

import orjson
import pybase64

_SIGNATURE_AND_HEADER = 8 + 25
_CHUNK = b"caBX"
MANIFEST = b"jumb c2pa: made by the sandbox, of nothing that exists"


def bare(image: orjson.Fragment) -> bytes:
    """The bytes of an image that is ready to be embedded."""
    return pybase64.b64decode(orjson.loads(orjson.dumps(image)))


def signed(image: orjson.Fragment) -> str:
    """The PNG with a manifest behind its header, in base64."""
    png = bare(image)
    body = _CHUNK + MANIFEST
    chunk = struct.pack(">I", len(MANIFEST)) + body + struct.pack(">I", zlib.crc32(body))
    whole = png[:_SIGNATURE_AND_HEADER] + chunk + png[_SIGNATURE_AND_HEADER:]
    return pybase64.b64encode(whole).decode()
