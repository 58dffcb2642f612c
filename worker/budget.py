"""Budgets beside the calls: what projects may spend, who is paused for it and goes on, what was passed."""

from uuid import UUID

from darkroom.domain.batch import BudgetOf
from darkroom.store import budgets, hints, outbox, pausing
from darkroom.store.budgets import TOTAL, Budget
from darkroom.store.locks import Duty, try_lock
from darkroom.store.pausing import Reached
from darkroom.store.reservations import BeginRefused
from darkroom.store.session import transaction
from darkroom.telemetry.logs import logger
from worker.tools import Tools


def pause(tools: Tools, batch_id: UUID, refused: BeginRefused) -> None:
    """Pauses a batch that a budget has no room for, unless a call in flight may free some."""
    with transaction(tools.engine) as connection:
        whose, detail = _whose(refused.budget), _detail(refused)
        if pausing.pause_for_budget(connection, batch_id, refused.bound, whose, detail):
            outbox.paused(connection, [batch_id])
            hints.ring(connection)


def _detail(refused: BeginRefused) -> str:
    """Which budget it is, in words for a person.

    >>> from decimal import Decimal
    >>> from darkroom.store.reservations import Refusal
    >>> print(_detail(BeginRefused(Refusal.OVER_BUDGET, Decimal("0.050"))))
    the next image may cost $0.05, more than is left of the batch's budget
    """
    cost = f"${refused.bound.normalize():f}"
    return f"the next image may cost {cost}, more than is left of {_name(refused.budget)}"


def _whose(budget: Budget | None) -> BudgetOf:
    if budget is None:
        return BudgetOf.BATCH
    return BudgetOf.PROJECT if budget.period == TOTAL else BudgetOf.DAY


def _name(budget: Budget | None) -> str:
    match budget:
        case None:
            return "the batch's budget"
        case Budget(project_id=project, period=period) if period == TOTAL:
            return (
                f"the whole budget of project {project}: raise `budget` of [projects.{project}] in "
                "darkroom.toml and start the workers again"
            )
        case Budget(project_id=project, period=day):
            return (
                f"the budget of project {project} for {day}: it goes on with the next day, or when "
                f"`budget_per_day` of [projects.{project}] in darkroom.toml is raised and the workers are "
                "started again"
            )


def keep_budgets(tools: Tools) -> int:
    """Writes down once what projects may spend, and lets batches go on that have room again."""
    _write_down(tools)
    with transaction(tools.engine) as connection:
        if not try_lock(connection, Duty.BUDGET):
            return 0
        released = pausing.release_budgets(connection)
        if released:
            hints.ring(connection)
    return released


def _write_down(tools: Tools) -> None:
    """Each worker when it starts: whoever was started last has read the file last."""
    if tools.allowances is None or tools.holdings.has_written_allowances:
        return
    with transaction(tools.engine) as connection:
        budgets.allow(connection, tools.allowances)
    tools.holdings.has_written_allowances = True


def announce(tools: Tools) -> int:
    """Says which marks budgets have passed, each once, in the log and as an event; counts them."""
    with transaction(tools.engine) as connection:
        passed = pausing.reached(connection)
        outbox.thresholds(connection, passed)
    for mark in passed:
        _say(mark)
    return len(passed)


def _say(mark: Reached) -> None:
    logger("worker").info(
        f"{mark.percent} % of a budget of ${mark.cap.normalize():f} is used",
        action="budget_threshold",
        percent=mark.percent,
        cap=str(mark.cap),
        batch_id=mark.batch_id.hex if mark.batch_id else None,
        project_id=mark.project_id,
        period=mark.period,
    )
