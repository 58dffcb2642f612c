"""Receipts: answers as they came, kept under their attempt's id before anything else is done with them."""

from uuid import UUID

from darkroom.blobs import StorageFailed
from darkroom.domain.answer import RECEIPTS, Answer, attempt_of, receipt_name
from darkroom.domain.attempt import Outcome, Succeeded, Unknown
from darkroom.telemetry.logs import logger
from worker.tools import Tools


def keep(tools: Tools, attempt_id: UUID, answer: Answer) -> None:
    """Stores the answer as it came, under the attempt's id: from here on no death of a process loses it.

    While the storage is in trouble it lies in the spool, where workers of this machine find it.

    Raises:
        StorageFailed: the spool does not take it either.
    """
    name = receipt_name(attempt_id)
    try:
        tools.blobs.keep(name, answer.receipt())
    except StorageFailed as failed:
        tools.spool.keep(name, answer.receipt())
        logger("worker").warning(
            "an answer lies in the spool until the storage takes it",
            action="spool_answer",
            attempt_id=attempt_id.hex,
            reason=str(failed),
        )


def release(tools: Tools, attempt_id: UUID, outcome: Outcome) -> None:
    """Drops the receipt of a settled attempt, unless somebody may want to look at the answer.

    That is one that brought less than it was paid for: it stays until the sweep finds it old.
    """
    doubtful = isinstance(outcome, Unknown) or (
        isinstance(outcome, Succeeded) and outcome.shortfall
    )
    try:
        if doubtful:
            _brought_in(tools, receipt_name(attempt_id))
        else:
            forget(tools, attempt_id)
    except StorageFailed as failed:
        logger("worker").warning(str(failed), action="forget_receipt", attempt_id=attempt_id.hex)


def forget(tools: Tools, attempt_id: UUID) -> None:
    """Drops an answer wherever it is kept."""
    tools.spool.drop(receipt_name(attempt_id))
    tools.blobs.drop(receipt_name(attempt_id))


def spooled(tools: Tools) -> list[UUID]:
    """The attempts whose answers lie in the spool."""
    return [attempt_of(name) for name in tools.spool.names(RECEIPTS)]


def find(tools: Tools, attempt_id: UUID) -> Answer | None:
    """The answer that was kept for this attempt, if it came and is whole; from the spool it is stored first."""
    name = receipt_name(attempt_id)
    data = _brought_in(tools, name) or tools.blobs.kept(name)
    if data is None:
        return None
    try:
        return Answer.from_receipt(data)
    except ValueError:
        logger("worker").warning(
            "a damaged receipt", action="read_receipt", attempt_id=attempt_id.hex
        )
        return None


def _brought_in(tools: Tools, name: str) -> bytes | None:
    """What lay in the spool, by now in the storage."""
    data = tools.spool.kept(name)
    if data is not None:
        tools.blobs.keep(name, data)
        tools.spool.drop(name)
    return data
