"""Ingest: a submitted file becomes jobs, all of its rows or, where any is bad, none."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path

from darkroom import sheets
from darkroom.blobs import BlobMissing, StorageFailed
from darkroom.domain.batchfile import Draft, Intake, Survey, survey
from darkroom.domain.clock import HEARTBEAT
from darkroom.domain.problem import UNREADABLE, BadInput, Problem
from darkroom.store import batches, files, hints, intake
from darkroom.store.batches import Shelf, Validating
from darkroom.store.files import File
from darkroom.store.hints import About
from darkroom.store.intake import IngestLost
from darkroom.store.session import StoreAway, transaction
from darkroom.telemetry.logs import logger
from worker.album import Album, Flawed, Stopping
from worker.origin import Origin
from worker.promotion import Filling
from worker.takeover import take_over
from worker.tools import Tools

CHUNK = 20_000
PROBLEMS_KEPT = 10_000
READINGS = 5
"""A file whose readers die is not read for ever."""

AWAY = timedelta(seconds=5)
"""How long a file is left alone that storage or database kept from being read."""


def ingest_small(tools: Tools) -> int:
    """The same for files that are read in seconds: they do not wait behind a million rows."""
    return ingest(tools, Shelf.SMALL)


def ingest_lone(tools: Tools) -> int:
    """The same for requests that somebody waits for alone: they wait behind no file."""
    return ingest(tools, Shelf.LONE)


def ingest(tools: Tools, shelf: Shelf = Shelf.ALL) -> int:
    """Reads the file of one waiting batch, if there is one; counts its jobs."""
    with transaction(tools.engine) as connection:
        batch = batches.claim_validating(connection, tools.focus, shelf)
    if batch is None:
        return 0
    try:
        number = _fill(tools, batch)
    except Stopping:
        _let_go(tools, batch, timedelta(0))
        logger("worker").info("left to others", action="ingest", batch_id=batch.id.hex)
        return 0
    except (StorageFailed, StoreAway):
        _let_go(tools, batch, AWAY)
        raise
    except IngestLost:
        logger("worker").info("no longer ours to read", action="ingest", batch_id=batch.id.hex)
        return 0
    except BadInput as bad:
        _refuse(tools, batch, bad.problems)
        return 0
    tools.wake.ring()
    return number


def _let_go(tools: Tools, claim: Validating, after: timedelta) -> None:
    """Only readers that die count against a file: who lives says so, as soon as there is a database again."""
    while True:
        try:
            with transaction(tools.engine) as connection:
                return intake.let_go(connection, claim, after)
        except StoreAway:
            if tools.draining.wait(HEARTBEAT.total_seconds()):
                return None


def _fill(tools: Tools, batch: Validating) -> int:
    if batch.retry_of is not None:
        return take_over(tools, batch)
    return Filling(tools, batch).fill() if batch.promoted_from is not None else _read(tools, batch)


def _refuse(tools: Tools, claim: Validating, problems: tuple[Problem, ...]) -> None:
    """What was added before the bad row was found is forgotten first; nothing of it could be begun."""
    try:
        _forget(tools, claim)
        with transaction(tools.engine) as connection:
            intake.refuse(connection, claim, problems[:PROBLEMS_KEPT])
            hints.ring(connection, About.LISTS, About.JOBS)
    except IngestLost:
        return
    logger("worker").info("refused", action="ingest", batch_id=claim.id.hex, problems=len(problems))


def _forget(tools: Tools, claim: Validating) -> None:
    forgotten = CHUNK
    while forgotten == CHUNK:
        with transaction(tools.engine) as connection:
            forgotten = intake.forget_jobs(connection, claim, CHUNK)


def _read(tools: Tools, batch: Validating) -> int:
    with transaction(tools.engine) as connection:
        file = files.get(connection, batch.input_file_id) if batch.input_file_id else None
    if file is None:
        message = "the input file is gone; upload it again"
        raise BadInput([Problem("file_missing", message)])
    if batch.tries > READINGS:
        message = f"it could not be read in {READINGS} tries; the workers' logs say why"
        raise BadInput([Problem(UNREADABLE, message)])
    _forget(tools, batch)
    try:
        with tools.blobs.local(file.sha256) as path:
            reading = Reading(tools, batch, file, path)
            number = reading.add_all()
    except BlobMissing:
        message = "the bytes of the input file are gone from the storage; upload it again"
        raise BadInput([Problem("file_missing", message)]) from None
    if reading.problems and not batch.options.get("skip_bad_rows"):
        raise BadInput(reading.problems)
    if not number:
        message = "no usable row is left; see the problems named beside this one"
        raise BadInput([*reading.problems, Problem("no_rows", message)])
    with transaction(tools.engine) as connection:
        intake.accept(connection, batch, reading.problems, reading.expected)
        hints.ring(connection)
    logger("worker").info("accepted", action="ingest", batch_id=batch.id.hex, jobs=number)
    return number


class Reading:
    """One pass of a file into jobs, with the problems it met on the way."""

    def __init__(self, tools: Tools, batch: Validating, file: File, path: Path) -> None:
        self._tools, self._batch, self._path = tools, batch, path
        self._format = sheets.format_of(path, file.filename)
        origin = Origin(tools, file.project_id, batch.options.get("files", {}))
        self._album = Album(tools, origin, self._hold)
        self.problems: list[Problem] = []
        self.expected = Decimal(0)

    def add_all(self) -> int:
        """Adds a job for every good row while there is hope; a bad row ends the hope, not the reading."""
        source = self._batch.options.get("template")
        template = sheets.Template.compile(source) if source else None
        clerk = Intake(
            self._survey(),
            self._tools.models_of(self._batch.provider),
            self._batch.options.get("defaults", {}),
            template.render if template else None,
            self._batch.options.get("endpoint"),
        )
        header = clerk.header_problems()
        if header and not clerk.has_prompts:
            raise BadInput(header)
        self.problems += header
        number, lines = 0, self._lines()
        for line in lines:
            number += self._add(clerk, chain([line], self._portion(lines)))
        if header:
            raise BadInput(self.problems)
        return number

    def _lines(self) -> Iterator[sheets.Row | Problem]:
        """The list's rows; one with too many of them is not read to its end."""
        most = self._tools.max_rows
        for number, line in enumerate(sheets.read(self._path, format=self._format)):
            if number == most:
                advice = f"a batch may have {most:,} rows: cut the list, or raise DARKROOM_MAX_ROWS"
                raise BadInput([Problem("too_many_rows", advice, line=line.line)])
            yield line

    def _survey(self) -> Survey:
        rows = (line for line in self._held(self._lines()) if isinstance(line, sheets.Row))
        alike = self._format is not sheets.Format.JSONL
        return survey(((row.line, row.cells) for row in rows), alike=alike)

    def _held(self, lines: Iterable[sheets.Row | Problem]) -> Iterator[sheets.Row | Problem]:
        """The lines; the lease is renewed on the way, however long they take."""
        renewed_at = self._tools.stopwatch()
        for line in lines:
            yield line
            if self._tools.stopwatch() - renewed_at > HEARTBEAT.total_seconds():
                renewed_at = self._tools.stopwatch()
                self._hold()

    def _hold(self) -> None:
        with transaction(self._tools.engine) as connection:
            intake.hold(connection, self._batch)

    def _portion(self, lines: Iterator[sheets.Row | Problem]) -> Iterator[sheets.Row | Problem]:
        """So many lines as one transaction takes in; a slow template does not keep it open for long."""
        end = self._tools.stopwatch() + HEARTBEAT.total_seconds()
        for line in islice(lines, CHUNK - 1):
            yield line
            if self._tools.stopwatch() > end:
                return

    def _add(self, clerk: Intake, lines: Iterable[sheets.Row | Problem]) -> int:
        """Adds the good rows among these lines; they are read while Postgres takes them in."""
        drafts = self._drafts(clerk, lines)
        if clerk.names_pictures:
            drafts = iter(list(drafts))  # no transaction is open while they are fetched
        if self.problems and not self._batch.options.get("skip_bad_rows"):
            deque(drafts, maxlen=0)
            self._hold()
            return 0
        with transaction(self._tools.engine) as connection:
            return intake.add_jobs(connection, self._batch, drafts)

    def _drafts(self, clerk: Intake, lines: Iterable[sheets.Row | Problem]) -> Iterator[Draft]:
        for found in self._found(clerk, lines):
            match found:
                case Draft():
                    self.expected += found.priced.expected
                    yield found
                case _:
                    self._note(found)

    def _found(
        self, clerk: Intake, lines: Iterable[sheets.Row | Problem]
    ) -> Iterator[Draft | tuple[Problem, ...]]:
        if clerk.names_pictures:
            return self._album.settled(_with_pictures(clerk, lines))
        return (_drafted(clerk, line) for line in lines)

    def _note(self, problems: tuple[Problem, ...]) -> None:
        self.problems += problems[: PROBLEMS_KEPT - len(self.problems)]


def _drafted(clerk: Intake, line: sheets.Row | Problem) -> Draft | tuple[Problem, ...]:
    return (line,) if isinstance(line, Problem) else clerk.draft(line.line, line.cells)


def _with_pictures(
    clerk: Intake, lines: Iterable[sheets.Row | Problem]
) -> Iterator[Draft | Flawed]:
    for line in lines:
        found = _drafted(clerk, line)
        if isinstance(found, Draft):
            yield found
        else:
            edit = None if isinstance(line, Problem) else clerk.edit_of(line.cells)
            yield Flawed(line.line or 0, found, edit)
