"""Settling: what somebody reads on the provider's invoice, laid beside the calls whose outcome nobody knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from api.auth import Caller
from api.control import owned_batch
from api.refusals import Fault, Invalid
from darkroom.domain.ids import ATTEMPT, shown
from darkroom.domain.invoice import Verdict
from darkroom.store import hints, invoices, retries
from darkroom.store.insights import BatchView
from darkroom.store.invoices import Call, Settled, SettlementView, Word
from darkroom.store.session import Connection


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an invoice: which calls it means, by the row, by the request, or by both."""

    verdict: Verdict
    custom_id: str | None = None
    request_id: str | None = None
    cost: Decimal | None = None
    """US dollars, of each of them."""

    @property
    def named_by(self) -> str:
        """The column that says most."""
        return "custom_id" if self.request_id is None else "request_id"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; `before` counts the calls that had been settled already and are left alone."""

    settled: Settled
    before: int
    batch: BatchView


def settle_all(connection: Connection, caller: Caller, batch_id: UUID, verdict: Verdict) -> Outcome:
    """Settles every call of the batch and its retries whose outcome nobody knows.

    Raises:
        Missing: The project has none such.
    """
    calls = _unknown(connection, caller, batch_id)
    return _settled(connection, caller, batch_id, [Word(call, verdict) for call in calls])


def settle_lines(
    connection: Connection, caller: Caller, batch_id: UUID, lines: Sequence[Line]
) -> Outcome:
    """Settles the calls that these lines mean, all of them or none.

    Raises:
        Missing: The project has none such.
        Invalid: A line means no such call, or one that another line means, too.
    """
    ledger = _Ledger(_unknown(connection, caller, batch_id))
    words, faults = [], []
    taken: set[UUID] = set()
    for row, line in enumerate(lines, start=1):
        calls = ledger.meant(line)
        if not calls or any(call.attempt_id in taken for call in calls):
            faults.append(_fault(line, row, known=bool(calls)))
        taken |= {call.attempt_id for call in calls}
        words += [Word(call, line.verdict, line.cost) for call in calls]
    if faults:
        raise Invalid(faults)
    return _settled(connection, caller, batch_id, words)


def told(
    connection: Connection, project_id: str, batch_id: UUID, *, limit: int, after: int
) -> list[SettlementView]:
    """What has been said of the batch's calls and those of its retries, oldest first.

    Raises:
        Missing: The project has none such.
    """
    owned_batch(connection, project_id, batch_id)
    family = retries.members(connection, batch_id)
    return invoices.settlements_page(connection, family, limit=limit, after=after)


class _Ledger:
    """The calls of unknown outcome, found by every name that an invoice may have for them."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._rows: dict[str, list[Call]] = {}
        self._requests: dict[str, list[Call]] = {}
        for call in calls:
            self._rows.setdefault(call.custom_id, []).append(call)
            for name in (call.request_id, call.attempt_id.hex, shown(ATTEMPT, call.attempt_id)):
                if name is not None:
                    self._requests.setdefault(name, []).append(call)

    def meant(self, line: Line) -> list[Call]:
        """The calls that a line means: those that have every name that it gives."""
        if line.request_id is None:
            return self._rows.get(line.custom_id or "", [])
        found = self._requests.get(line.request_id, [])
        return [call for call in found if line.custom_id in (None, call.custom_id)]


def _unknown(connection: Connection, caller: Caller, batch_id: UUID) -> list[Call]:
    owned_batch(connection, caller.project_id, batch_id)
    return invoices.unknown_calls(connection, retries.members(connection, batch_id))


def _settled(
    connection: Connection, caller: Caller, batch_id: UUID, words: Sequence[Word]
) -> Outcome:
    done = invoices.settle_unknown(connection, words, caller.key_id)
    hints.ring(connection)
    view = owned_batch(connection, caller.project_id, batch_id)
    return Outcome(done, len(words) - done.number, view)


def _fault(line: Line, row: int, *, known: bool) -> Fault:
    name = line.named_by
    code, detail = (
        "call_not_found",
        (
            "no call of this batch whose outcome is unknown has this name; correct it, or leave the line out"
        ),
    )
    if known:
        code, detail = (
            "call_named_twice",
            (
                "an earlier line means the same call; name it by its request_id, or leave one of them out"
            ),
        )
    return Fault(code, detail, f"#/lines/{row - 1}/{name}", row, name)
