"""Schedules of catalogs, as callers ask for them: kept with the plan of the next night, or taken away."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from api.catalogs import owned
from api.fresh import fresh_id
from api.instruments import Instruments
from api.refusals import Invalid, Missing
from darkroom.domain.checking import Checks
from darkroom.domain.ids import FILE, shown
from darkroom.domain.schedule import Missed, Schedule, ScheduleInvalid
from darkroom.store import catalogs, files, hints, schedules
from darkroom.store.hints import About
from darkroom.store.schedules import Scheduled, Terms
from darkroom.store.session import Connection, now_at


@dataclass(frozen=True, slots=True)
class Asked:
    """What a schedule is to be; `recipe` is a path on the machine of the stack."""

    cron: str
    timezone: str
    deadline: str | None
    missed: Missed
    budget: Decimal | None
    threshold: Decimal
    recipe: str | None
    plan_file_id: UUID
    checks: Checks | None = None


def put(tools: Instruments, project_id: str, name: str, asked: Asked) -> Scheduled:
    """Gives a catalog this schedule, whichever it had; one that is new to us is made.

    Raises:
        Invalid: It is none.
        Missing: There is no such plan.
    """
    try:
        schedule = Schedule.parse(asked.cron, asked.timezone, asked.deadline, asked.missed)
    except ScheduleInvalid as invalid:
        raise Invalid.field("cron", "schedule_invalid", str(invalid)) from None
    terms = Terms(
        cron=schedule.cron,
        timezone=asked.timezone,
        deadline=asked.deadline,
        missed=asked.missed,
        budget=asked.budget,
        threshold=asked.threshold,
        recipe=asked.recipe,
        plan_file_id=asked.plan_file_id,
        checks=asked.checks,
    )
    with tools.transaction() as connection:
        _require_file(connection, project_id, asked.plan_file_id)
        catalog = catalogs.hold(connection, project_id, name, fresh_id())
        schedules.put(connection, catalog.id, terms, schedule.after(now_at(connection)))
        hints.ring(connection, About.LISTS)
        return of(connection, project_id, name)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A newer plan, and what goes with it."""

    plan_file_id: UUID
    threshold: Decimal
    checks: Checks | None


def push(tools: Instruments, project_id: str, name: str, pushed: Pushed) -> Scheduled:
    """Gives a schedule a newer plan. Raises Missing."""
    with tools.transaction() as connection:
        _require_file(connection, project_id, pushed.plan_file_id)
        known = of(connection, project_id, name)
        schedules.push(
            connection, known.catalog_id, pushed.plan_file_id, pushed.threshold, pushed.checks
        )
        return of(connection, project_id, name)


def remove(connection: Connection, project_id: str, name: str) -> None:
    """Takes a catalog's schedule away. Raises Missing."""
    schedules.remove(connection, of(connection, project_id, name).catalog_id)


def of(connection: Connection, project_id: str, name: str) -> Scheduled:
    """The schedule of a catalog of this project. Raises Missing."""
    found = schedules.find(connection, owned(connection, project_id, name).id)
    if found is None:
        raise Missing("schedule", name)
    return found


def _require_file(connection: Connection, project_id: str, plan_id: UUID) -> None:
    if files.get(connection, plan_id, project_id) is None:
        raise Missing("file", shown(FILE, plan_id))
