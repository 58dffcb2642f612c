"""Receipts: answers as they came, kept under their attempt's id before anything else is done with them."""

from datetime import datetime
from uuid import UUID

from darkroom.blobs import StorageFailed
from darkroom.domain.answer import RECEIPTS, Answer, receipt_name
from darkroom.domain.attempt import Outcome, Succeeded, Unknown
from darkroom.telemetry.logs import logger
from worker.tools import Tools


def keep(tools: Tools, attempt_id: UUID, answer: Answer) -> None:
    """Stores the answer as it came, under the attempt's id: from here on no death of a process loses it."""
    tools.blobs.keep(receipt_name(attempt_id), answer.receipt())


def release(tools: Tools, attempt_id: UUID, outcome: Outcome) -> None:
    """Drops the receipt of a settled attempt, unless somebody may want to look at the answer.

    That is one that brought less than it was paid for: it stays until the sweep finds it old.
    """
    doubtful = isinstance(outcome, Unknown) or (
        isinstance(outcome, Succeeded) and outcome.shortfall
    )
    if not doubtful:
        _forget(tools, attempt_id)


def _forget(tools: Tools, attempt_id: UUID) -> None:
    try:
        tools.blobs.drop(receipt_name(attempt_id))
    except StorageFailed as failed:
        logger("worker").warning(str(failed), action="forget_receipt", attempt_id=attempt_id.hex)


def sweep(tools: Tools, before: datetime) -> int:
    """Drops the receipts that are older than this moment; counts them."""
    old = [name for name, kept_at in tools.blobs.kept_names(RECEIPTS) if kept_at < before]
    for name in old:
        tools.blobs.drop(name)
    return len(old)


def find(tools: Tools, attempt_id: UUID) -> Answer | None:
    """The answer that was kept for this attempt, if it came and is whole."""
    data = tools.blobs.kept(receipt_name(attempt_id))
    if data is None:
        return None
    try:
        return Answer.from_receipt(data)
    except ValueError:
        logger("worker").warning(
            "a damaged receipt", action="read_receipt", attempt_id=attempt_id.hex
        )
        return None
