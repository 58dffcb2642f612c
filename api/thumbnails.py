"""Small views of images: made when first asked for, a few at a time, and kept beside the originals."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from darkroom.blobs import BlobStore
from darkroom.pictures import NotAPicture, thumbnail

AT_ONCE = 2
"""Decoding is the work of a processor; the threads that answer requests must not wait for it."""

MEDIA_TYPE = "image/webp"


class Thumbnails:
    """Makes and keeps thumbnails in threads of their own, which `close` ends."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="thumbnails")

    async def of(self, sha256: str) -> bytes | NotAPicture:
        """The thumbnail of a stored image, as WebP.

        Raises:
            BlobMissing: The image's bytes are gone.
            StorageFailed: The storage is in trouble.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._made, sha256)

    def close(self) -> None:
        """Lets nothing new begin, and waits for what has."""
        self._threads.shutdown(cancel_futures=True)

    def _made(self, sha256: str) -> bytes | NotAPicture:
        name = f"thumbnails/{sha256}.webp"
        if kept := self._blobs.kept(name):
            return kept
        small = thumbnail(self._blobs.get(sha256))
        if not isinstance(small, NotAPicture):
            self._blobs.keep(name, small)
        return small
