"""A batch as one ZIP archive: measured first, then streamed, from any byte on, and never held."""

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from tempfile import TemporaryFile
from typing import IO
from uuid import UUID

from api.instruments import Instruments
from api.records import row, written
from api.refusals import Conflict, Invalid
from darkroom.blobs import BlobStore
from darkroom.domain.archive import Member, ending
from darkroom.domain.attempt import Disposition
from darkroom.domain.layout import Layout, LayoutInvalid
from darkroom.domain.manifest import columns
from darkroom.domain.naming import Names
from darkroom.domain.request import EXTENSION_OF
from darkroom.store import insights
from darkroom.store.insights import BatchView, JobView

PAGE = 500
MANIFEST = "manifest.csv"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """How an archive is to be: its layout, and whether images of another size or format are in it."""

    layout: Layout
    accept_mismatch: bool = False

    @classmethod
    def of(cls, names: str, *, accept_mismatch: bool) -> "Wish":
        """Raises Invalid if the names are no layout."""
        try:
            return cls(Layout.parse(names), accept_mismatch)
        except LayoutInvalid as invalid:
            raise Invalid.field("names", "names_invalid", str(invalid)) from None

    def tag(self, view: BatchView) -> str:
        """What names the bytes of this archive: whatever is done to an ended batch moves its counters."""
        counted = (view.counts, view.images, view.mismatched, view.cost.spent, view.retries)
        known = repr((view.id, self.layout.source, self.accept_mismatch, *counted))
        return f'"{hashlib.sha256(known.encode()).hexdigest()[:32]}"'


@dataclass(slots=True)
class Archive:
    """A batch's archive, every byte of it in its place; `close` gives up what was spooled."""

    tools: Instruments
    batch_id: UUID
    moment: datetime
    wish: Wish
    size: int = 0
    _images_end: int = 0
    _manifest: Member = field(default_factory=lambda: Member(MANIFEST, 0, 0))
    _rows: IO[bytes] = field(default_factory=TemporaryFile)
    _directory: IO[bytes] = field(default_factory=TemporaryFile)
    _ending: bytes = b""

    def close(self) -> None:
        """Gives up the manifest and the directory."""
        self._rows.close()
        self._directory.close()

    def measure(self) -> None:
        """Lays out the archive: manifest and directory are spooled to disk, no image is read.

        Of an image that was stored before its CRC was kept, that is worked out here.
        """
        offset, members = 0, 0
        header = written([columns("file")]).encode()
        crc, size = zlib.crc32(header), self._rows.write(header)
        for line, member, _ in self._images():
            crc, size = zlib.crc32(line, crc), size + self._rows.write(line)
            self._directory.write(member.entry(offset, self.moment))
            offset += len(member.header(self.moment)) + member.size
            members += 1
        self._images_end, self._manifest = offset, Member(MANIFEST, size, crc)
        self._directory.write(self._manifest.entry(offset, self.moment))
        offset += len(self._manifest.header(self.moment)) + size
        length = self._directory.tell()
        self._ending = ending(members + 1, offset, length)
        self.size = offset + length + len(self._ending)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Bytes `start` to `end` (exclusive); what comes before them is passed over without being read."""
        with closing(self):
            place = self._images_end
            if start < place:
                yield from self._read_images(start, end)
            rest = (
                [self._manifest.header(self.moment)],
                _blocks(self._rows),
                _blocks(self._directory),
                [self._ending],
            )
            for block in chain.from_iterable(rest):
                if kept := block[max(start - place, 0) : max(end - place, 0)]:
                    yield kept
                place += len(block)

    def _read_images(self, start: int, end: int) -> Iterator[bytes]:
        place = 0
        for _, member, sha256 in self._images():
            if place >= end:
                return
            header = member.header(self.moment)
            if kept := header[max(start - place, 0) : max(end - place, 0)]:
                yield kept
            place += len(header)
            first, last = max(start - place, 0), min(end - place, member.size)
            if first < last:
                yield from self.tools.blobs.read(sha256, first, last)
            place += member.size

    def _images(self) -> Iterator[tuple[bytes, Member, str]]:
        """Each image's row of the manifest, its member and its address; no transaction is open meanwhile."""
        names, after = Names(), None
        while True:
            with self.tools.transaction() as connection:
                found = insights.jobs_page(connection, self.batch_id, limit=PAGE, after=after)
            for job in found:
                yield from self._of(job, names)
            if len(found) < PAGE:
                return
            after = found[-1].id

    def _of(self, job: JobView, names: Names) -> Iterator[tuple[bytes, Member, str]]:
        taken = [Disposition.PUBLISHED, *([Disposition.MISMATCH] * self.wish.accept_mismatch)]
        images = [one for kind in taken for one in job.images if one.disposition == kind]
        number = max(int(job.request.get("n", 1)), len(images))
        stems = self.wish.layout.claim(names, job.custom_id, job.line, number)
        for index, (stem, image) in enumerate(zip(stems, images, strict=False), 1):
            if image.expired_at is not None:
                continue
            name = f"{stem}.{EXTENSION_OF.get(image.format, image.format)}"
            crc = image.crc32 if image.crc32 is not None else _crc(self.tools.blobs, image.sha256)
            line = written([row(job, index, image, name)]).encode()
            yield line, Member(name, image.bytes, crc), image.sha256


def opened(tools: Instruments, view: BatchView, wish: Wish) -> Archive:
    """The archive of an ended batch, measured.

    Raises:
        Conflict: The batch has not ended: its images still change.
    """
    require_ended(view)
    archive = Archive(tools, view.id, view.ended_at or view.created_at, wish)
    try:
        archive.measure()
    except BaseException:
        archive.close()
        raise
    return archive


def require_ended(view: BatchView) -> None:
    """Raises Conflict where a batch's images still change."""
    if not view.ended:
        detail = f"the batch is {view.status}: an archive is made of one that has ended"
        raise Conflict("batch_not_ended", detail)


def _crc(blobs: BlobStore, sha256: str) -> int:
    crc = 0
    for block in blobs.read(sha256):
        crc = zlib.crc32(block, crc)
    return crc


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(_BLOCK):
        yield block
