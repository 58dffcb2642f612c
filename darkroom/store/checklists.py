"""Which batches ask that what arrives be looked at, and whether that is done."""

from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, insert, or_, select

from darkroom.store.tables import batches, checkups

ASKED, REROLL = "checks", "reroll"
"""The options of a batch that asks for checks, and of one that makes anew what did not pass."""


def note(connection: Connection, batch_id: UUID) -> None:
    """A new batch will be looked at, if it asks for it."""
    asking = select(batches.c.id).where(batches.c.id == batch_id, batches.c.options.has_key(ASKED))
    connection.execute(insert(checkups).from_select(["batch_id"], asking))


def is_open(root: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether images of this batch or its retries are still to be looked at."""
    member = batches.alias("checked_member").c
    its = member.id == checkups.c.batch_id, or_(member.id == root, member.retry_of == root)
    return exists().where(*its, checkups.c.checked_at.is_(None))
