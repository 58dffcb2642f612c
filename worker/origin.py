"""Where a row's pictures come from: a URL, an upload, the row itself; and what is found there."""

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import assert_never
from urllib.parse import urlsplit
from uuid import UUID

from darkroom.blobs import BlobMissing
from darkroom.domain.ids import FILE, uuid_of
from darkroom.domain.reference import LEADS_NOWHERE, Place, place_of
from darkroom.fetching import FetchFailed
from darkroom.pictures import NotAPicture, Seen, Sight, decoded, look
from darkroom.store import files
from darkroom.store.files import File
from darkroom.store.session import transaction
from worker.tools import Tools

LOOKING = 2
"""Pictures that are decoded at once; each of them may take 160 MB of memory."""

TRIES = 2
HOST_FAILURES = 5
"""So many downloads from one host that fail one after another are enough for the rest of its pictures."""

_TOO_LARGE = 50_000_000
_NO_FILE = "there is no such file; upload it to /api/v1/files with purpose vision"


@dataclass(frozen=True, slots=True)
class Origin:
    """Brings in the pictures of one project, and keeps those that can be used as blobs."""

    tools: Tools
    project_id: str
    paths: Mapping[str, str]
    """The file ids that stand for paths."""
    _failures: Counter[str] = field(default_factory=Counter)
    _eyes: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(LOOKING))

    def uploads(self, references: Collection[str]) -> Mapping[UUID, File]:
        """The project's own among the files that are named."""
        keys = (uuid_of(FILE, self.paths.get(one, one)) for one in references)
        with transaction(self.tools.engine) as connection:
            return files.owned(connection, self.project_id, [key for key in keys if key])

    def sight(self, reference: str, uploads: Mapping[UUID, File]) -> Sight:
        """What is found behind a reference.

        Raises:
            StorageFailed: it could not be kept, or not be read.
        """
        match place_of(reference):
            case Place.URL:
                return self._looked(self._fetched(reference))
            case Place.FILE:
                return self._looked(self._uploaded(reference, uploads))
            case Place.DATA:
                return self._looked(decoded(reference))
            case Place.PATH:
                file_id = self.paths.get(reference)
                return self._looked(
                    self._uploaded(file_id, uploads) if file_id else NotAPicture(LEADS_NOWHERE)
                )
            case _ as never:
                assert_never(never)

    def _looked(self, data: bytes | NotAPicture) -> Sight:
        if isinstance(data, NotAPicture):
            return data
        with self._eyes:
            sight = look(data)
        if isinstance(sight, Seen):
            self.tools.blobs.put(data)
        return sight

    def _fetched(self, url: str) -> bytes | NotAPicture:
        host, flaw = urlsplit(url).netloc, NotAPicture("its host failed several times in a row")
        for _ in range(TRIES):
            if self._failures[host] >= HOST_FAILURES:
                break
            try:
                data = self.tools.fetch(url)
            except FetchFailed as failed:
                flaw = NotAPicture(str(failed))
                if not failed.code.passing:
                    break
                self._failures[host] += 1
            else:
                self._failures[host] = 0
                return data
        return flaw

    def _uploaded(self, file_id: str, uploads: Mapping[UUID, File]) -> bytes | NotAPicture:
        key = uuid_of(FILE, file_id)
        file = uploads.get(key) if key else None
        if file is None:
            return NotAPicture(_NO_FILE)
        if file.bytes >= _TOO_LARGE:
            return NotAPicture(f"{file.bytes:,} bytes, 50 MB or more; save it smaller or as JPEG")
        try:
            return self.tools.blobs.get(file.sha256)
        except BlobMissing:
            return NotAPicture("its bytes are gone from the storage; upload it again")
