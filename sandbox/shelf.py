"""The Files API, as far as reference images need it: uploaded bytes, kept in memory."""

import secrets
import time
from dataclasses import dataclass, field

from sandbox.errors import ApiError


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One uploaded file."""

    id: str
    filename: str
    purpose: str
    content: bytes
    created_at: int

    def describe(self) -> dict[str, object]:
        """OpenAI's file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass(slots=True)
class Shelf:
    """Owns the uploaded files of this run."""

    _files: dict[str, StoredFile] = field(default_factory=dict)

    def add(self, filename: str, purpose: str, content: bytes) -> StoredFile:
        """Keep a file under a new id."""
        stored = StoredFile(
            f"file-{secrets.token_hex(12)}",
            filename,
            purpose,
            content,
            int(time.time()),
        )
        self._files[stored.id] = stored
        return stored

    def get(self, file_id: str) -> StoredFile:
        """The file of that id.

        Raises:
            ApiError: 404, if there is none.
        """
        if file_id not in self._files:
            raise ApiError(404, f"No such File object: {file_id}", param="id")
        return self._files[file_id]

    def clear(self) -> None:
        """Forget every file."""
        self._files.clear()
