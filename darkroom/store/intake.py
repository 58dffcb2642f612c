"""How the rows of a file become jobs: by COPY, in chunks, under the batch's ingest lease."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, delete, func, select, text, update

from darkroom.domain.batch import BatchStatus
from darkroom.domain.batchfile import Draft
from darkroom.domain.problem import Problem
from darkroom.domain.request import unstorable
from darkroom.store.batches import INGEST_LEASE, Validating
from darkroom.store.tables import batches, jobs

VALUE_KEPT = 200
"""Characters; a value may be a whole prompt, and its head is enough to find it."""

_COPY = "COPY jobs (batch_id, line, custom_id, priority, request, bound) FROM STDIN"
_PLAN_ONCE = text("SET LOCAL plan_cache_mode = auto")
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
    _hold(connection, claim, total=left.scalar_subquery())
    return forgotten


def add_jobs(connection: Connection, claim: Validating, drafts: Sequence[Draft]) -> None:
    """Adds a chunk of jobs and renews the lease; they are not counted, and not begun, until `accept`.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    connection.execute(_PLAN_ONCE)
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(_COPY) as copy:
        for draft in drafts:
            copy.write_row(_copied(claim.id, draft))
    _hold(connection, claim, total=batches.c.total + len(drafts))


def _copied(batch_id: UUID, draft: Draft) -> tuple[object, ...]:
    request = orjson.dumps(draft.priced.request.body()).decode()
    return batch_id, draft.line, draft.custom_id, draft.priority, request, draft.priced.bound


def hold(connection: Connection, claim: Validating) -> None:
    """Renews the lease of a reader who has nothing to write yet.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    _hold(connection, claim)


def _hold(connection: Connection, claim: Validating, **values: object) -> None:
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


def accept(connection: Connection, claim: Validating, skipped: Sequence[Problem]) -> None:
    """Opens a batch whose file was read to its end: its jobs may be dispatched from this commit on.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    _hold(
        connection,
        claim,
        status=BatchStatus.IN_PROGRESS,
        ingest_lease_expires_at=None,
        in_progress_at=func.clock_timestamp(),
        queued=batches.c.total,
        skipped=len({problem.line for problem in skipped}),
        problems=[_kept(problem) for problem in skipped],
    )


def refuse(connection: Connection, claim: Validating, problems: Sequence[Problem]) -> None:
    """Fails a batch whose file cannot be used; nothing of it was ever begun.

    Raises:
        IngestLost: somebody else reads the file now, or the batch was cancelled.
    """
    _hold(
        connection,
        claim,
        status=BatchStatus.FAILED,
        ingest_lease_expires_at=None,
        ended_at=func.clock_timestamp(),
        total=0,
        problems=[_kept(problem) for problem in problems],
    )


def _kept(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "message": _storable(problem.message),
        "line": problem.line,
        "column": problem.column and _storable(problem.column),
        "value": problem.value and _storable(problem.value)[:VALUE_KEPT],
    }


def _storable(text: str) -> str:
    r"""A text with an escape for whatever Postgres cannot keep: often it is what the problem is about.

    >>> _storable("fine"), _storable("a" + chr(0))
    ('fine', 'a\\x00')
    """
    if not unstorable(text):
        return text
    return "".join(ascii(char)[1:-1] if unstorable(char) else char for char in text)
