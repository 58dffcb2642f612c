"""The files we keep for callers: what they uploaded, and where its bytes lie."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, case, func, insert, null, or_, select, text
from sqlalchemy.dialects import postgresql

from darkroom.store.tables import files

BATCH = "batch"
"""The purpose of a prompt list."""

VISION = "vision"
"""The purpose of a picture to be worked on; a project keeps each once."""

USER_DATA = "user_data"
"""The purpose of anything else, pictures among it."""

REQUEST = "request"
"""The purpose of what came along with a request that somebody waits for; no list shows it."""


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
    expires_at: datetime | None = None


def add(connection: Connection, file: File) -> None:
    """Writes down a file whose bytes are already safe."""
    connection.execute(insert(files).values(_values(file)))


def add_reference(connection: Connection, file: File) -> File:
    """Writes down a picture, unless the project has the same one: then that is the file."""
    unique = postgresql.insert(files).values(_values(file))
    connection.execute(
        unique.on_conflict_do_update(
            index_elements=["project_id", "sha256"],
            index_where=text("purpose = 'vision' AND deleted_at IS NULL"),
            set_={"expires_at": _later(unique.excluded.expires_at)},
        )
    )
    found = reference(connection, file.project_id, file.sha256)
    assert found
    return found


def reference(connection: Connection, project_id: str, sha256: str) -> File | None:
    """The project's picture of these bytes, if it has it."""
    mine = files.c.project_id == project_id, files.c.sha256 == sha256, files.c.purpose == VISION
    row = connection.execute(select(files).where(*mine, *_live())).one_or_none()
    return _file(row) if row else None


def owned(
    connection: Connection, project_id: str, file_ids: Collection[UUID]
) -> Mapping[UUID, File]:
    """Those of these files that are the project's."""
    mine = files.c.project_id == project_id, files.c.id.in_(file_ids)
    rows = connection.execute(select(files).where(*mine, *_live()))
    return {row.id: _file(row) for row in rows}


def _values(file: File) -> dict[str, object]:
    return {
        "id": file.id,
        "project_id": file.project_id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "created_at": func.now(),
        "expires_at": file.expires_at,
    }


def _later(other: ColumnElement[datetime | None]) -> ColumnElement[datetime | None]:
    """The later of two ends; one that never ends is the latest."""
    mine = files.c.expires_at
    either = or_(mine.is_(None), other.is_(None))
    return case((either, null()), else_=func.greatest(mine, other))


def get(connection: Connection, file_id: UUID, project_id: str | None = None) -> File | None:
    """A file, if it is there and belongs to this project; None asks for any project's."""
    where = [files.c.id == file_id, *_live()]
    if project_id is not None:
        where.append(files.c.project_id == project_id)
    row = connection.execute(select(files).where(*where)).one_or_none()
    return _file(row) if row else None


def _file(row: Row[Any]) -> File:
    return File(**{name: getattr(row, name) for name in File.__slots__})


def _live() -> tuple[ColumnElement[bool], ...]:
    over = files.c.expires_at
    return files.c.deleted_at.is_(None), or_(over.is_(None), over > func.now())
