"""What a batch that came in by the compatible dialect is beside a batch, and the two files that come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)

from darkroom.domain.batch import TERMINAL, BatchStatus
from darkroom.store.files import REQUEST
from darkroom.store.tables import attempts, batches, files, jobs, openai_batches

_O, _B = openai_batches.c, batches.c


class Kind(StrEnum):
    """Which of a batch's two files."""

    OUTPUT = auto()
    ERROR = auto()


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the dialect keeps of a batch; the ids of its files are given at its birth."""

    endpoint: str
    completion_window: str
    output_file_id: UUID
    error_file_id: UUID
    metadata: Mapping[str, str] | None = None
    links: bool = False
    output_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class DossierView:
    """A batch as the compatible dialect shows it; `failed` counts those that were tried again, too."""

    id: UUID
    status: BatchStatus
    provider: str
    paused_reason: str | None
    paused_detail: str | None
    input_file_id: UUID
    created_at: datetime
    in_progress_at: datetime | None
    finalizing_at: datetime | None
    cancelling_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    total: int
    queued: int
    dispatched: int
    running: int
    succeeded: int
    failed: int
    problems: Sequence[Mapping[str, Any]]
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None
    usage: Mapping[str, int] | None
    output_file_id: UUID | None
    error_file_id: UUID | None


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as lists show it: an upload, or one of a batch's two, whose bytes are made when they are read.

    `bytes` is None for one that nobody has measured since it has so many `lines`.
    """

    id: UUID
    purpose: str
    filename: str
    bytes: int | None
    created_at: datetime
    expires_at: datetime | None
    batch_id: UUID | None = None
    kind: Kind | None = None
    lines: int | None = None
    links: bool = False


def add(connection: Connection, batch_id: UUID, dossier: Dossier) -> None:
    """Writes down what the dialect keeps of a batch, in the transaction that makes it."""
    connection.execute(
        insert(openai_batches).values(
            batch_id=batch_id,
            endpoint=dossier.endpoint,
            completion_window=dossier.completion_window,
            metadata=dict(dossier.metadata) if dossier.metadata is not None else None,
            links=dossier.links,
            output_seconds=dossier.output_seconds,
            output_file_id=dossier.output_file_id,
            error_file_id=dossier.error_file_id,
        )
    )


def get(connection: Connection, project_id: str, batch_id: UUID) -> DossierView | None:
    """One batch; None if this project has none such that came in by the dialect."""
    row = connection.execute(_batches(project_id).where(_B.id == batch_id)).one_or_none()
    return _view(row) if row else None


def page(
    connection: Connection, project_id: str, limit: int, after: UUID | None
) -> list[DossierView]:
    """A project's batches that came in by the dialect, newest first."""
    query = _batches(project_id)
    if after is not None:
        seen = select(_B.created_at).where(_B.id == after).scalar_subquery()
        query = query.where(tuple_(_B.created_at, _B.id) < tuple_(seen, literal(after)))
    query = query.order_by(_B.created_at.desc(), _B.id.desc()).limit(limit)
    return [_view(row) for row in connection.execute(query)]


def _batches(project_id: str) -> Select[Any]:
    counted = {"succeeded": _made(), "failed": _lost()}
    own = (_B[name] for name in DossierView.__slots__ if name in _B and name not in counted)
    kept = (_O[name] for name in ("endpoint", "completion_window", "metadata", "usage"))
    made = (case((_live(kind), _O[f"{kind}_file_id"])).label(f"{kind}_file_id") for kind in Kind)
    told = (number.label(name) for name, number in counted.items())
    query = select(*own, *told, *kept, *made).join(openai_batches, _O.batch_id == _B.id)
    return query.where(_B.project_id == project_id)


def _view(row: Row[Any]) -> DossierView:
    fields = {name: getattr(row, name) for name in DossierView.__slots__}
    return DossierView(**{**fields, "status": BatchStatus(row.status)})


def _made() -> ColumnElement[int]:
    """Jobs that have their images; one whose image is made anew elsewhere has its own here."""
    return _B.succeeded + _B.rerolled


def _lost() -> ColumnElement[int]:
    """Jobs that failed; one that was tried again elsewhere has failed here."""
    return _B.failed + _B.superseded - _B.rerolled


def _lines(kind: Kind) -> ColumnElement[int]:
    """How many lines a batch's file has."""
    match kind:
        case Kind.OUTPUT:
            return _made()
        case Kind.ERROR:
            return _lost() + _B.cancelled + _B.expired
        case _:
            assert_never(kind)


def _live(kind: Kind) -> ColumnElement[bool]:
    """Whether a batch's file is there: made, not deleted, not over, none of its images given up."""
    whole = true() if kind is Kind.ERROR else _B.images_expired_at.is_(None)
    return and_(
        _B.status.in_(TERMINAL),
        _lines(kind) > 0,
        _O[f"{kind}_deleted_at"].is_(None),
        or_(_O.output_seconds.is_(None), _over() > func.now()),
        whole,
    )


def _over() -> ColumnElement[datetime]:
    return _B.ended_at + func.make_interval(0, 0, 0, 0, 0, 0, _O.output_seconds)


def listed(
    connection: Connection,
    project_id: str,
    *,
    limit: int,
    purpose: str | None = None,
    after: UUID | None = None,
    ascending: bool = False,
) -> list[ListedFile]:
    """A project's files, the batches' own among them; `after` may have been deleted meanwhile."""
    every = union_all(_uploads(project_id), *(_results(project_id, kind) for kind in Kind))
    f = every.subquery("f").c
    order = (f.created_at, f.id) if ascending else (f.created_at.desc(), f.id.desc())
    query = select(*f).where(f.live).order_by(*order).limit(limit)
    if purpose is not None:
        query = query.where(f.purpose == purpose)
    if after is not None:
        seen = tuple_(select(f.created_at).where(f.id == after).scalar_subquery(), literal(after))
        place = tuple_(f.created_at, f.id)
        query = query.where(place > seen if ascending else place < seen)
    return [_listed(row) for row in connection.execute(query)]


def file(connection: Connection, project_id: str, file_id: UUID) -> ListedFile | None:
    """One file, uploaded or a batch's own; None if this project has none such."""
    for query, key in (
        (_uploads(project_id), files.c.id),
        *((_results(project_id, kind), _O[f"{kind}_file_id"]) for kind in Kind),
    ):
        row = connection.execute(query.where(key == file_id)).one_or_none()
        if row is not None:
            return _listed(row) if row.live else None
    return None


def _uploads(project_id: str) -> Select[Any]:
    f = files.c
    none = null().label
    live = f.deleted_at.is_(None) & or_(f.expires_at.is_(None), f.expires_at > func.now())
    return select(
        *(f.id, f.purpose, f.filename, f.bytes, f.created_at, f.expires_at),
        *(cast(none("batch_id"), Uuid), cast(none("kind"), Text), cast(none("lines"), Integer)),
        *(literal(value=False).label("links"), live.label("live")),
    ).where(f.project_id == project_id, f.purpose != REQUEST)


def _results(project_id: str, kind: Kind) -> Select[Any]:
    lines = _lines(kind)
    measured = case((_O[f"{kind}_lines"] == lines, _O[f"{kind}_bytes"]))
    name = func.concat("batch_", func.replace(cast(_B.id, Text), "-", ""), f"_{kind}.jsonl")
    shown = (
        _O[f"{kind}_file_id"].label("id"),
        literal("batch_output").label("purpose"),
        name.label("filename"),
        measured.label("bytes"),
        _B.ended_at.label("created_at"),
        _over().label("expires_at"),
        _B.id.label("batch_id"),
        literal(kind.value).label("kind"),
        lines.label("lines"),
        _O.links,
        _live(kind).label("live"),
    )
    query = select(*shown).join_from(batches, openai_batches, _O.batch_id == _B.id)
    return query.where(_B.project_id == project_id, _B.ended_at.is_not(None))


def _listed(row: Row[Any]) -> ListedFile:
    fields = {name: getattr(row, name) for name in ListedFile.__slots__}
    return ListedFile(**{**fields, "kind": row.kind and Kind(row.kind)})


def note_size(connection: Connection, measured: ListedFile, size: int) -> None:
    """Remembers how long a batch's file is while it has so many lines."""
    assert measured.kind is not None
    values = {f"{measured.kind}_bytes": size, f"{measured.kind}_lines": measured.lines}
    mine = _O.batch_id == measured.batch_id
    connection.execute(update(openai_batches).where(mine).values(values))


def delete(connection: Connection, project_id: str, file_id: UUID) -> bool:
    """Takes a file out of every list; false if this project has none such."""
    found = file(connection, project_id, file_id)
    if found is None:
        return False
    if found.kind is None:
        gone = update(files).where(files.c.id == file_id).values(deleted_at=func.now())
    else:
        mine = _O.batch_id == found.batch_id
        gone = update(openai_batches).where(mine).values({f"{found.kind}_deleted_at": func.now()})
    connection.execute(gone)
    return True


def sum_up(connection: Connection, batch_id: UUID) -> Mapping[str, int]:
    """The tokens of all attempts of an ended batch, summed up once and remembered."""
    a, names = attempts.c, ("text_tokens", "image_tokens", "output_tokens")
    sums = (func.coalesce(func.sum(cast(a.usage[n].astext, BigInteger)), 0).label(n) for n in names)
    spent = select(*sums).join_from(jobs, attempts, a.job_id == jobs.c.id)
    row = connection.execute(spent.where(jobs.c.batch_id == batch_id)).one()
    usage = {name: int(getattr(row, name)) for name in names}
    connection.execute(update(openai_batches).where(_O.batch_id == batch_id).values(usage=usage))
    return usage
