"""The files we keep for callers: what they uploaded, and where its bytes lie."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, insert, select

from darkroom.store.tables import files


@dataclass(frozen=True, slots=True)
class File:
    """One uploaded file; its bytes are the blob of this sha256."""

    id: UUID
    project_id: str
    purpose: str
    filename: str
    bytes: int
    sha256: str
    created_at: datetime


def add(connection: Connection, file: File) -> None:
    """Writes down a file whose bytes are already safe."""
    connection.execute(
        insert(files).values(
            id=file.id,
            project_id=file.project_id,
            purpose=file.purpose,
            filename=file.filename,
            bytes=file.bytes,
            sha256=file.sha256,
            created_at=func.now(),
        )
    )


def get(connection: Connection, file_id: UUID, project_id: str | None = None) -> File | None:
    """A file, if it is there and belongs to this project; None asks for any project's."""
    where = [files.c.id == file_id]
    if project_id is not None:
        where.append(files.c.project_id == project_id)
    row = connection.execute(select(files).where(*where)).one_or_none()
    return File(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name
