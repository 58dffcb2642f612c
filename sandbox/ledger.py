"""The record of every call and of every image that would be billed.

A call's line is written to the journal when its prompt is known, when its images are made and when
it is answered; the last line of a number counts. So what was billed is known even after a kill.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.bell import Bell
from sandbox.contract import ImageRequest
from sandbox.journal import Journal
from sandbox.pricing import Usage


@dataclass(slots=True)
class Call:
    """One call: who asked for what, what was answered and what it cost.

    `status` is the HTTP status, `cut`, `hang`, `gone` if the caller left before it had sent its
    request, or `stopped` if the sandbox ended before the answer; None while the call is under way.
    `cost` is USD, exact.
    """

    seq: int
    endpoint: str
    request_id: str
    started_at: str
    in_flight: int
    api_key: str | None = None
    client_request_id: str | None = None
    prompt: str = ""
    prompt_sha256: str = ""
    model: str = ""
    size: str | None = None
    quality: str | None = None
    n: int | None = None
    references: int = 0
    moderation: str | None = None
    fault: str | None = None
    status: int | str | None = None
    images_billed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str = "0"
    ended_at: str | None = None


@dataclass(slots=True)
class Totals:
    """What all calls together come to."""

    calls: int = 0
    ended: int = 0
    images_billed: int = 0
    cost: Decimal = Decimal(0)
    peak_in_flight: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    calls_by_prompt: Counter[str] = field(default_factory=Counter)
    billed_by_prompt: Counter[str] = field(default_factory=Counter)
    faults_by_prompt: Counter[tuple[str, str]] = field(default_factory=Counter)

    def arrive(self, call: Call) -> None:
        """Count a call that has come in."""
        self.calls += 1
        self.peak_in_flight = max(self.peak_in_flight, call.in_flight)

    def describe(self, call: Call) -> None:
        """Count its prompt."""
        self.calls_by_prompt[call.prompt_sha256] += 1

    def blame(self, call: Call) -> None:
        """Count the fault it met."""
        if call.fault is not None:
            self.by_fault[call.fault] += 1
            self.faults_by_prompt[call.prompt_sha256, call.fault] += 1

    def bill(self, call: Call) -> None:
        """Count what it costs."""
        self.images_billed += call.images_billed
        self.cost += Decimal(call.cost)
        self.billed_by_prompt[call.prompt_sha256] += call.images_billed

    def end(self, call: Call) -> None:
        """Count how it was answered."""
        self.ended += 1
        self.by_status[str(call.status)] += 1

    def describe_all(self) -> dict[str, Any]:
        """The counts as JSON."""
        return {
            "calls": self.calls,
            "ended": self.ended,
            "peak_in_flight": self.peak_in_flight,
            "images_billed": self.images_billed,
            "cost": f"{self.cost:f}",
            "refused_429": self.by_status["429"],
            "by_status": dict(self.by_status),
            "by_fault": dict(self.by_fault),
            "prompts": len(self.calls_by_prompt),
            "max_calls_per_prompt": max(self.calls_by_prompt.values(), default=0),
            "max_billed_per_prompt": max(self.billed_by_prompt.values(), default=0),
        }


class Ledger:
    """Owns all calls, in memory and in the journal."""

    def __init__(self, journal: Journal, bell: Bell) -> None:
        self._journal = journal
        self._bell = bell
        self._forget()
        for record in journal.read():
            self._calls[record["seq"]] = Call(**record)
        self._replay()

    @property
    def in_flight(self) -> int:
        """Calls not yet answered."""
        return len(self._open)

    @contextmanager
    def call(self, endpoint: str, request_id: str) -> Iterator[Call]:
        """A call under way; it has ended when the context does, whatever its status then is."""
        self._last += 1
        call = Call(self._last, endpoint, request_id, _now(), len(self._open) + 1)
        self._calls[call.seq] = self._open[call.seq] = call
        self.totals.arrive(call)
        self._bell.ring()
        try:
            yield call
        finally:
            self._end(call)

    def describe(self, call: Call, prompt: object, model: object) -> None:
        """Note what is asked for, before it is judged."""
        call.prompt, call.model = str(prompt or ""), str(model or "")
        call.prompt_sha256 = hashlib.sha256(call.prompt.encode()).hexdigest()
        self._note(call, Totals.describe)

    def blame(self, call: Call, fault: str) -> None:
        """Note the fault that this call meets."""
        call.fault = fault
        self._note(call, Totals.blame)

    def bill(self, call: Call, request: ImageRequest, usage: Usage) -> None:
        """Note that the images are made and would be on the invoice."""
        call.images_billed = request.n
        call.cost = f"{usage.cost(request.model.family.prices):f}"
        call.input_tokens, call.output_tokens = usage.text_in + usage.image_in, usage.image_out
        self._note(call, Totals.bill)

    def times_faulted(self, call: Call, fault: str) -> int:
        """How many calls of this call's prompt have met that fault."""
        return self.totals.faults_by_prompt[call.prompt_sha256, fault]

    def since(self, seq: int) -> list[dict[str, Any]]:
        """The calls after that number, in order of arrival."""
        return [asdict(call) for call in self._calls.values() if call.seq > seq]

    def summary(self) -> dict[str, Any]:
        """The totals, and the calls in flight."""
        return {"in_flight": self.in_flight, **self.totals.describe_all()}

    def clear(self) -> None:
        """Forget everything, in the journal too; calls under way end unrecorded."""
        self._forget()
        self._journal.clear()
        self._bell.ring()

    def _forget(self) -> None:
        self.totals = Totals()
        self._last = 0
        self._calls: dict[int, Call] = {}
        self._open: dict[int, Call] = {}

    def _replay(self) -> None:
        self._last = max(self._calls, default=0)
        for call in self._calls.values():
            call.status = "stopped" if call.status is None else call.status
            for count in _COUNTS:
                count(self.totals, call)

    def _end(self, call: Call) -> None:
        call.ended_at = _now()
        call.status = "stopped" if call.status is None else call.status
        self._note(call, Totals.end)
        if self._open.get(call.seq) is call:
            del self._open[call.seq]
        self._bell.ring()

    def _note(self, call: Call, count: "_Count") -> None:
        # After a reset the number may belong to another call.
        if self._calls.get(call.seq) is call:
            count(self.totals, call)
            self._journal.append(call)
            self._bell.ring()


_Count = Callable[[Totals, Call], None]
_COUNTS: tuple[_Count, ...] = (
    Totals.arrive,
    Totals.describe,
    Totals.blame,
    Totals.bill,
    Totals.end,
)


def _now() -> str:
    return datetime.now(UTC).isoformat()
