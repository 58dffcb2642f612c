"""The one line that every attempt leaves in the log; never a prompt, never a key."""

from collections.abc import Mapping
from typing import Any, assert_never

from darkroom.domain.attempt import (
    Failed,
    NotSent,
    Outcome,
    Reservation,
    Succeeded,
    Unknown,
    failure_of,
)
from darkroom.store.ledger import state_of
from darkroom.telemetry.logs import logger

_ASKED = ("model", "size", "quality", "n")


def log_attempt(
    provider: str, request: Mapping[str, Any], reservation: Reservation, outcome: Outcome, text: str
) -> None:
    """Writes it: who, what was asked, what came of it, how long it took and what it cost."""
    logger("worker").info(
        text,
        action="settle_attempt",
        outcome=state_of(outcome).value,
        batch_id=reservation.batch_id.hex,
        job_id=reservation.job_id,
        attempt_id=reservation.attempt_id.hex,
        number=reservation.number,
        provider=provider,
        **{name: request.get(name) for name in _ASKED},
        **_bill(outcome),
        **_trouble(outcome),
    )


def _bill(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Succeeded():
            tokens = outcome.usage.as_json() if outcome.usage else {}
            return {**_answer(outcome), "cost": f"{outcome.cost:f}", **tokens}
        case Failed():
            return {**_answer(outcome), "cost": f"{outcome.cost:f}"}
        case Unknown():
            return _answer(outcome)
        case NotSent():
            return {}
        case _:
            assert_never(outcome)


def _answer(outcome: Succeeded | Failed | Unknown) -> dict[str, object]:
    return {"request_id": outcome.request_id, "latency_ms": outcome.latency_ms}


def _trouble(outcome: Outcome) -> dict[str, object]:
    failure = failure_of(outcome)
    if failure is None:
        return {}
    return {
        "failure": failure.klass.value,
        "code": failure.code,
        "http_status": failure.http_status,
    }
