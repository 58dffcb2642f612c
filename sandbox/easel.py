"""Where images are made: drawing and base64 in a small thread pool, away from the event loop."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import orjson
import pybase64

from sandbox.canned import pad_png
from sandbox.contract import ImageRequest
from sandbox.drawing import draw

_THREADS = 2
_NONCE_BITS = 64


class Easel:
    """Makes the images of a request, as JSON strings of base64 ready to be embedded."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="easel")
        self._canned: dict[tuple[str, str, int], orjson.Fragment] = {}

    async def paint(self, request: ImageRequest, canned_bytes: int | None) -> list[orjson.Fragment]:
        """One image for each of `n`, all different unless they are canned."""
        loop = asyncio.get_running_loop()
        if canned_bytes is not None:
            image = await loop.run_in_executor(self._pool, self._can, request, canned_bytes)
            return [image] * request.n
        jobs = [loop.run_in_executor(self._pool, _paint, request) for _ in range(request.n)]
        return await asyncio.gather(*jobs)

    def close(self) -> None:
        """Drop what is not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _can(self, request: ImageRequest, size: int) -> orjson.Fragment:
        key = (request.size, request.output_format, size)
        if key not in self._canned:
            png = request.output_format == "png"
            image = draw(replace(request, prompt="canned", references=()), 0)
            self._canned[key] = _embed(pad_png(image, size) if png else image)
        return self._canned[key]


def _paint(request: ImageRequest) -> orjson.Fragment:
    return _embed(draw(request, secrets.randbits(_NONCE_BITS)))


def _embed(image: bytes) -> orjson.Fragment:
    return orjson.Fragment(b'"' + pybase64.b64encode(image) + b'"')
