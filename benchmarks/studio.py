"""The sandbox, whose canned images all differ, so that storing one never finds it stored already.

They are of 1024x1024 pixels whatever is asked for, and drawn before the first call comes.

python -m benchmarks.studio PORT SECONDS BYTES
"""

import os
import sys
import zlib

import orjson
import pybase64

from sandbox.canned import pad_png
from sandbox.contract import ImageRequest, read_request
from sandbox.drawing import draw
from sandbox.easel import Easel
from sandbox.journal import Journal
from sandbox.server import create_server
from sandbox.settings import Settings
from sandbox.world import World

END = 12
"""Bytes of a PNG's last chunk."""
TRIPLET = 3
STUDY = {"prompt": "A study", "model": "gpt-image-2", "size": "1024x1024"}


class Studio(Easel):
    """Draws once; each image is that one with a chunk of its own before the last."""

    def __init__(self, size: int) -> None:
        super().__init__()
        image = draw(read_request(STUDY), 0)
        padded = pad_png(image, max(size, len(image) + 2 * END))
        short = (len(padded) - END) % TRIPLET
        padded = pad_png(image, len(padded) - short)
        self._head = b'"' + pybase64.b64encode(padded[:-END])
        self._last = padded[-END:]

    async def paint(
        self, request: ImageRequest, _canned_bytes: int | None
    ) -> list[orjson.Fragment]:
        return [self._fresh() for _ in range(request.n)]

    def _fresh(self) -> orjson.Fragment:
        body = b"fRsh" + os.urandom(16)
        chunk = (16).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        return orjson.Fragment(self._head + pybase64.b64encode(chunk + self._last) + b'"')


def main(port: str, seconds: str, size: str) -> None:
    settings = Settings(latency=float(seconds), canned_bytes=int(size))
    with Journal(None) as journal:
        world = World.create(settings, journal)
        world.easel = Studio(int(size))
        create_server(world, "127.0.0.1", int(port)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
