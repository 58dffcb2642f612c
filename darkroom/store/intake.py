"""How the rows of a file become jobs: by COPY, in chunks, under the batch's ingest lease."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import islice, repeat
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, case, delete, func, select, text, update

from darkroom.domain.batch import BatchStatus
from darkroom.domain.batchfile import Draft
from darkroom.domain.problem import VALUE_KEPT, Problem
from darkroom.domain.request import unstorable
from darkroom.store import outbox
from darkroom.store.batches import INGEST_LEASE, Validating
from darkroom.store.tables import batches, jobs

PROBLEMS_SHOWN = 10
"""How many problems a look at the batch brings along; the others are paged."""

_COPY = "COPY jobs (batch_id, line, custom_id, priority, request, bound) FROM STDIN"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_LINES_SENT = 100
"""At once: few enough for Postgres to work all the time, so many that a call is worth it."""

PLAN_ONCE = text("SET LOCAL plan_cache_mode = auto")
"""Foreign keys are checked by a statement a row, which would be planned anew each time under our usual mode."""


class IngestLost(Exception):  # noqa: N818 - said to the reader of one file: stop, it is another's now
    """The batch is no longer validating under this reader's lease; the transaction must roll back."""


def forget_jobs(connection: Connection, claim: Validating, limit: int) -> int:
    """Removes so many of what an earlier, interrupted reading of the same file left; counts them.

    The batch counts what is still there, so that a cancel in between sweeps just that.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    mine = jobs.c.batch_id == claim.id
    some = jobs.c.id.in_(jobs.select().with_only_columns(jobs.c.id).where(mine).limit(limit))
    forgotten = connection.execute(delete(jobs).where(some)).rowcount
    left = select(func.count()).select_from(jobs).where(mine)
    hold(connection, claim, total=left.scalar_subquery())
    return forgotten


def add_jobs(connection: Connection, claim: Validating, drafts: Iterable[Draft]) -> int:
    """Adds a chunk of jobs and renews the lease; they are not counted, and not begun, until `accept`.

    While Postgres takes in what was sent, the next drafts are made: they are asked for one by one, and
    none is kept. Counts them.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    connection.execute(PLAN_ONCE)
    try:
        with connection.begin_nested():
            number = _copy(connection, claim, drafts)
    except UniqueViolation:
        hold(connection, claim)  # the row that is there already is another reader's, or a mistake
        raise
    hold(connection, claim, total=batches.c.total + number)
    return number


def _copy(connection: Connection, claim: Validating, drafts: Iterable[Draft]) -> int:
    driver: Any = connection.connection.driver_connection
    lines = map(_copied, repeat(claim.id.hex.encode()), drafts)
    with driver.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            while block := b"".join(islice(lines, _LINES_SENT)):
                copy.write(block)
        number: int = cursor.rowcount
    return number


def _copied(batch_id: bytes, draft: Draft) -> bytes:
    r"""A job as a line of COPY's text format, where JSON needs no escape but that of its backslashes.

    https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS
    """
    return b"%b\t%d\t%b\t%d\t%b\t%b\n" % (
        batch_id,
        draft.line,
        draft.custom_id.translate(_ESCAPES).encode(),
        draft.priority,
        draft.priced.body_json().replace(b"\\", b"\\\\"),
        str(draft.priced.bound).encode(),
    )


def hold(connection: Connection, claim: Validating, **values: object) -> None:
    """Renews the lease of whoever fills a batch, and changes it under their fence.

    Raises:
        IngestLost: somebody else does that now, or the batch was cancelled.
    """
    held = connection.execute(
        update(batches)
        .where(
            batches.c.id == claim.id,
            batches.c.status == BatchStatus.VALIDATING,
            batches.c.readings == claim.reading,
        )
        .values({"ingest_lease_expires_at": func.clock_timestamp() + INGEST_LEASE, **values})
    )
    if not held.rowcount:
        raise IngestLost(claim.id)


def let_go(connection: Connection, claim: Validating, after: timedelta) -> None:
    """Says of a reading that it ends for no fault of the file, which may be read again after so long.

    That holds whoever reads it now; their lease, and the fence that is theirs, are left alone.
    """
    b = batches.c
    mine = b.readings == claim.reading
    free_at = case((mine, func.clock_timestamp() + after), else_=b.ingest_lease_expires_at)
    connection.execute(
        update(batches)
        .where(b.id == claim.id, b.status == BatchStatus.VALIDATING)
        .values(readings_excused=b.readings_excused + 1, ingest_lease_expires_at=free_at)
    )


def accept(
    connection: Connection,
    claim: Validating,
    skipped: Sequence[Problem],
    expected: Decimal | None = None,
) -> None:
    """Opens a batch whose file was read to its end: its jobs may be dispatched from this commit on.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    hold(
        connection,
        claim,
        status=BatchStatus.IN_PROGRESS,
        ingest_lease_expires_at=None,
        in_progress_at=func.clock_timestamp(),
        queued=batches.c.total,
        expected=expected,
        skipped=len({problem.line for problem in skipped}),
        **_told(skipped),
    )


def refuse(connection: Connection, claim: Validating, problems: Sequence[Problem]) -> None:
    """Fails a batch whose file cannot be used; nothing of it was ever begun.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    hold(
        connection,
        claim,
        status=BatchStatus.FAILED,
        ingest_lease_expires_at=None,
        ended_at=func.clock_timestamp(),
        total=0,
        **_told(problems),
    )
    outbox.ended(connection, [claim.id])


def _told(problems: Sequence[Problem]) -> dict[str, object]:
    kept = [_kept(problem) for problem in problems]
    return {
        "problems": kept,
        "problem_count": len(kept),
        "problem_head": kept[:PROBLEMS_SHOWN],
    }


def _kept(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "message": _storable(problem.message),
        "line": problem.line,
        "column": problem.column and _storable(problem.column),
        "value": problem.value and _storable(problem.value)[:VALUE_KEPT],
        "custom_id": problem.custom_id,
    }


def _storable(text: str) -> str:
    r"""A text with an escape for whatever Postgres cannot keep: often it is what the problem is about.

    >>> _storable("fine"), _storable("a" + chr(0))
    ('fine', 'a\\x00')
    """
    if not unstorable(text):
        return text
    return "".join(ascii(char)[1:-1] if unstorable(char) else char for char in text)
