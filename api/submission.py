"""Submitting: a file and what to make of it become one batch row; reading the file is the workers' work."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO
from uuid import UUID

from api.fresh import fresh_id
from api.instruments import Instruments
from api.refusals import Fault, Invalid, Missing, nearest
from darkroom.blobs import BlobStore
from darkroom.domain.batchline import edit_in
from darkroom.domain.checking import Checks
from darkroom.domain.ids import FILE, shown
from darkroom.domain.problem import BadInput
from darkroom.domain.reference import stray_paths
from darkroom.domain.request import ALIASES, unstorable
from darkroom.domain.retry import OnModeration
from darkroom.domain.window import Window, WindowInvalid, zone_of
from darkroom.sheets import Template
from darkroom.store import batches, checklists, files, hints, openai_batches
from darkroom.store.batches import NewBatch
from darkroom.store.files import File
from darkroom.store.hints import About
from darkroom.store.openai_batches import Dossier
from darkroom.store.session import Connection, now_at

PURPOSES = (files.BATCH, files.VISION, files.USER_DATA)
REFERENCE_BYTES = 49_999_999
"""The API takes pictures of less than 50 MB."""
ROWS_NAME = "rows.jsonl"
COPY_BYTES = 1 << 20
LATEST = timedelta(days=3660)
"""A deadline beyond ten years is a mistake, and beyond the year 9999 not even a time."""

DEFAULTS = (
    "model",
    "size",
    "quality",
    "output_format",
    "n",
    "background",
    "moderation",
    "output_compression",
    "complexity",
    "safety_identifier",
    "input_fidelity",
    "priority",
)
"""The parameters that can be set for all rows at once."""

Row = Mapping[str, Any]
Default = str | int | None


@dataclass(frozen=True, slots=True)
class Submission:
    """A batch to be: what its rows share, what it may cost, and when it must be over."""

    name: str | None = None
    defaults: Mapping[str, Default] | None = None
    template: str | None = None
    skip_bad_rows: bool = False
    on_moderation: OnModeration = OnModeration.FAIL
    budget: Decimal | None = None
    deadline: datetime | None = None
    priority: int | None = None
    window: Window | None = None
    fingerprint: str | None = None
    again: bool = False
    focus: str | None = None
    provider: str | None = None
    files: Mapping[str, str] | None = None
    """The files that stand for the paths in the rows, by those paths."""
    id: UUID | None = None
    """The new batch's; what has been made under it already is not made again."""
    dossier: Dossier | None = None
    lone: bool = False
    checks: Checks | None = None

    def options(self, now: datetime) -> dict[str, Any]:
        """What ingest is told; `now` is the database's.

        Raises:
            Invalid: An unknown default, a template that does not compile, a deadline that is no use.
        """
        _require_deadline(self.deadline, self.window, now)
        if self.template is not None:
            _require_template(self.template)
        options = {
            "defaults": known_defaults(self.defaults or {}),
            "template": self.template,
            "skip_bad_rows": self.skip_bad_rows,
            "on_moderation": self.on_moderation,
            **({"endpoint": self.dossier.endpoint} if self.dossier else {}),
            **({checklists.ASKED: self.checks.as_json()} if self.checks else {}),
        }
        return {**options, "files": dict(self.files)} if self.files else options


@dataclass(frozen=True, slots=True)
class Submitted:
    """The batch that a submission led to: a new one, or one that was there and goes on."""

    id: UUID
    attached: bool


def keep_upload(
    blobs: BlobStore, project_id: str, upload: BinaryIO, filename: str, purpose: str
) -> File:
    """Makes an uploaded file's bytes safe; its row is written after that.

    Raises:
        Invalid: Its name or its purpose is of no use.
    """
    if purpose not in PURPOSES:
        known = f"must be `{files.BATCH}`, or `{files.VISION}` for a picture to be edited"
        raise Invalid.field("purpose", "value_not_allowed", known)
    if unstorable(filename):
        raise Invalid.field("file", "filename_not_text", "its name has a NUL or half a character")
    return _copied(blobs, project_id, upload, filename, purpose)


def keep_picture(blobs: BlobStore, project_id: str, picture: BinaryIO) -> File:
    """Makes a picture safe that came along with a request; its row is written after that."""
    return _copied(blobs, project_id, picture, "picture", files.REQUEST)


def _copied(
    blobs: BlobStore, project_id: str, upload: BinaryIO, filename: str, purpose: str
) -> File:
    with NamedTemporaryFile(prefix="darkroom-") as copy:
        while chunk := upload.read(COPY_BYTES):
            copy.write(chunk)
        copy.flush()
        sha256, size = blobs.put_file(Path(copy.name))
    return _file(project_id, filename, size, sha256, purpose)


def keep_rows(
    blobs: BlobStore, project_id: str, rows: Sequence[Row], purpose: str = files.BATCH
) -> File:
    """Makes rows safe as the JSONL file that they would have been; row n is its line n.

    Raises:
        Invalid: A number in them is beyond what JSON's readers take.
    """
    data = jsonl(rows)
    return _file(project_id, ROWS_NAME, len(data), blobs.put(data), purpose)


def jsonl(rows: Sequence[Row]) -> bytes:
    """The JSONL file that rows would have been; row n is its line n.

    Raises:
        Invalid: A number in them is beyond what JSON's readers take.
    """
    return b"".join(_line(number, row) for number, row in enumerate(rows, 1))


def _line(number: int, row: Row) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except ValueError:
        detail = "a number in it is too large; write a smaller one or put it into quotes"
        fault = Fault("number_too_large", detail, f"#/rows/{number - 1}", row=number)
        raise Invalid([fault]) from None


def _file(project_id: str, filename: str, size: int, sha256: str, purpose: str) -> File:
    return File(fresh_id(), project_id, purpose, filename, size, sha256, datetime.now(UTC))


def record(connection: Connection, file: File) -> File:
    """Writes down a file whose bytes are safe; a picture that the project has already is that one."""
    if file.purpose == files.VISION:
        return files.add_reference(connection, file)
    files.add(connection, file)
    return file


def submit(
    tools: Instruments,
    project_id: str,
    source: UUID | Sequence[Row],
    submission: Submission,
    key_id: UUID | None = None,
) -> Submitted:
    """Makes a batch of an uploaded file or of rows, or attaches to the earlier one of its fingerprint.

    Rows are safe in the storage before the transaction begins: none is open while that works.

    Raises:
        Invalid: Something in it is of no use.
        Missing: The project has no such file.
    """
    options = submission.options(_now(tools))
    if not isinstance(source, UUID) and not submission.skip_bad_rows:
        _require_no_paths(source, submission.files or {})
    provider = tools.projects.provider(project_id, submission.provider)
    kept = source if isinstance(source, UUID) else keep_rows(tools.blobs, project_id, source)
    with tools.transaction() as connection:
        hints.ring(connection, About.LISTS)
        if found := _attached(connection, project_id, submission):
            return Submitted(found, attached=True)
        file = _file_of(connection, project_id, kept)
        batch = _new_batch(file, submission, options, provider, key_id)
        batches.create(connection, batch)
        if submission.dossier:
            openai_batches.add(connection, batch.id, submission.dossier)
    return Submitted(batch.id, attached=False)


def _require_no_paths(rows: Sequence[Row], uploaded: Mapping[str, str]) -> None:
    """Raises Invalid if a row names a path: no worker could ever read it."""
    faults = [
        Fault(flaw.code, flaw.message, f"#/rows/{number}/{flaw.column}", number + 1, flaw.column)
        for number, row in enumerate(rows)
        if (edit := edit_in(row))
        for flaw in stray_paths(edit, uploaded)
    ]
    if faults:
        raise Invalid(faults)


def _now(tools: Instruments) -> datetime:
    """By the clock that will judge the deadline."""
    with tools.transaction() as connection:
        return now_at(connection)


def _file_of(connection: Connection, project_id: str, kept: UUID | File) -> File:
    """The file of this id, or the one that has just been made of rows."""
    if isinstance(kept, File):
        return record(connection, kept)
    file = files.get(connection, kept, project_id)
    if file is None:
        raise Missing("file", shown(FILE, kept))
    return file


def _attached(connection: Connection, project_id: str, submission: Submission) -> UUID | None:
    """The earlier batch of the same fingerprint, set going again if it was held.

    Two submitters of one fingerprint take turns: the second attaches to what the first makes.
    """
    if submission.id and batches.exists(connection, project_id, submission.id):
        return submission.id
    if submission.fingerprint is None or submission.again:
        return None
    return batches.attach(connection, project_id, submission.fingerprint, submission.focus)


def _new_batch(
    file: File,
    submission: Submission,
    options: Mapping[str, Any],
    provider: str,
    key_id: UUID | None,
) -> NewBatch:
    return NewBatch(
        id=submission.id or fresh_id(),
        project_id=file.project_id,
        input_file_id=file.id,
        options=options,
        api_key_id=key_id,
        name=submission.name,
        fingerprint=submission.fingerprint,
        provider=provider,
        focus=submission.focus,
        cap=submission.budget,
        deadline_at=submission.deadline,
        lone=submission.lone,
        priority=submission.priority or 0,
        window=submission.window,
    )


def window_of(hours: str | None, zone: str) -> Window | None:
    """The window that a body asks for.

    Raises:
        Invalid: It is none, or its time zone is none.
    """
    try:
        zone_of(zone)
    except WindowInvalid as invalid:
        raise Invalid.field("timezone", "timezone_unknown", str(invalid)) from None
    try:
        return Window.parse(hours, zone) if hours else None
    except WindowInvalid as invalid:
        raise Invalid.field("window", "window_invalid", str(invalid)) from None


def _require_deadline(deadline: datetime | None, window: Window | None, now: datetime) -> None:
    if deadline is None:
        return
    if deadline <= now:
        raise Invalid.field("deadline", "deadline_passed", "is over already; give a later time")
    if deadline > now + LATEST:
        raise Invalid.field("deadline", "deadline_too_far", "is more than ten years away")
    if window and window.opening(now).opens >= deadline:
        detail = f"comes before the window {window} opens: nothing could begin; give a later time"
        raise Invalid.field("deadline", "deadline_before_window", detail)


def _require_template(source: str) -> None:
    if unstorable(source):
        detail = "has a NUL or half a surrogate pair in it; remove it"
        raise Invalid.field("template", "template_not_text", detail)
    try:
        Template.compile(source)
    except BadInput as error:
        raise Invalid.input("template", error) from None


def known_defaults(given: Mapping[str, Default]) -> dict[str, Default]:
    """The defaults under the names that the API gives them.

    >>> known_defaults({"format": "webp", "n": 2})
    {'output_format': 'webp', 'n': 2}
    """
    known: dict[str, Default] = {}
    faults = []
    for name, value in given.items():
        parameter = ALIASES.get(name, name)
        if fault := _default_fault(name, parameter, value, twice=parameter in known):
            faults.append(fault)
        known[parameter] = value
    if faults:
        raise Invalid(faults)
    return known


def _default_fault(name: str, parameter: str, value: Default, *, twice: bool) -> Fault | None:
    pointer = f"#/defaults/{name}"
    if parameter not in DEFAULTS:
        detail = f"is not a default; {nearest(name, DEFAULTS)}"
        return Fault("default_unknown", detail, pointer, column=name)
    if twice:
        return Fault("default_twice", f"{parameter} is given twice", pointer, column=name)
    if isinstance(value, str) and unstorable(value):
        detail = "has a NUL or half a surrogate pair in it; remove it"
        return Fault("value_not_text", detail, pointer, column=name)
    return None
