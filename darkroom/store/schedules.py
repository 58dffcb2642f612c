"""The schedules of catalogs: when the next night begins, of which plan, and what became of the last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, and_, delete, func, null, or_, select, update
from sqlalchemy.dialects import postgresql

from darkroom.domain.checking import Checks
from darkroom.domain.schedule import Missed, Schedule
from darkroom.store.tables import catalog_schedules, catalog_versions, catalogs

CLAIM = timedelta(minutes=10)
"""How long one worker has to begin a night or to publish it; what dies with it another does."""

_s, _c, _v = catalog_schedules.c, catalogs.c, catalog_versions.c


@dataclass(frozen=True, slots=True)
class Terms:
    """What a night of a schedule is begun with; `recipe` is a path on the machine of the stack."""

    cron: str
    timezone: str
    deadline: str | None
    missed: Missed
    budget: Decimal | None
    threshold: Decimal
    recipe: str | None
    plan_file_id: UUID
    checks: Checks | None = None

    @property
    def schedule(self) -> Schedule:
        """Its times."""
        return Schedule.parse(self.cron, self.timezone, self.deadline, self.missed)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A catalog with its schedule, as it stands at `now`."""

    catalog_id: UUID
    project_id: str
    name: str
    terms: Terms
    pushed_at: datetime
    due_at: datetime
    last_at: datetime | None
    last_version: int | None
    said: str | None
    current: int | None
    claimed_until: datetime | None
    now: datetime


def put(connection: Connection, catalog_id: UUID, terms: Terms, due_at: datetime) -> None:
    """Gives a catalog this schedule, whichever it had."""
    values = {name: getattr(terms, name) for name in Terms.__slots__}
    values |= {"checks": _kept(terms.checks)}
    values |= {"due_at": due_at, "pushed_at": func.clock_timestamp(), "claimed_until": None}
    new = postgresql.insert(catalog_schedules).values(catalog_id=catalog_id, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["catalog_id"], set_=values))


def push(
    connection: Connection,
    catalog_id: UUID,
    plan_file_id: UUID,
    threshold: Decimal,
    checks: Checks | None,
) -> bool:
    """Gives a schedule a newer plan; false if the catalog has none."""
    pushed = (
        update(catalog_schedules)
        .where(_s.catalog_id == catalog_id)
        .values(
            plan_file_id=plan_file_id,
            threshold=threshold,
            checks=_kept(checks),
            pushed_at=func.clock_timestamp(),
        )
    )
    return bool(connection.execute(pushed).rowcount)


def _kept(checks: Checks | None) -> Any:
    return null() if checks is None else checks.as_json()


def remove(connection: Connection, catalog_id: UUID) -> bool:
    """Takes a catalog's schedule away; false if it has none."""
    gone = delete(catalog_schedules).where(_s.catalog_id == catalog_id)
    return bool(connection.execute(gone).rowcount)


def page(connection: Connection, project_id: str) -> list[Scheduled]:
    """Every schedule of a project, the one that is due next first."""
    query = _shown().where(_c.project_id == project_id).order_by(_s.due_at, _c.name)
    return [_scheduled(row) for row in connection.execute(query)]


def find(connection: Connection, catalog_id: UUID) -> Scheduled | None:
    """A catalog's schedule, if it has one."""
    row = connection.execute(_shown().where(_s.catalog_id == catalog_id)).one_or_none()
    return _scheduled(row) if row else None


def claim(connection: Connection) -> Scheduled | None:
    """A night that is due, claimed for some minutes."""
    return _claimed(connection, _s.due_at <= func.clock_timestamp())


def claim_unshown(connection: Connection) -> Scheduled | None:
    """A night of a schedule that was published since a worker last filled its directory."""
    changed = func.greatest(_v.concluded_at, _v.published_at)
    shown = or_(_s.shown_at.is_(None), changed > _s.shown_at)
    mine = _s.last_version == _c.current, _s.recipe.is_not(None)
    return _claimed(connection, and_(shown, *mine))


def _claimed(connection: Connection, wanted: Any) -> Scheduled | None:
    free = or_(_s.claimed_until.is_(None), _s.claimed_until < func.clock_timestamp())
    first = (
        select(_s.catalog_id)
        .join(catalogs, _c.id == _s.catalog_id)
        .outerjoin(
            catalog_versions,
            and_(_v.catalog_id == _s.catalog_id, _v.number == _c.current),
        )
        .where(wanted, free)
        .order_by(_s.due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=catalog_schedules)
    )
    catalog_id = connection.execute(first).scalar_one_or_none()
    if catalog_id is None:
        return None
    until = func.clock_timestamp() + CLAIM
    mine = update(catalog_schedules).where(_s.catalog_id == catalog_id)
    connection.execute(mine.values(claimed_until=until))
    return find(connection, catalog_id)


def settle(
    connection: Connection, one: Scheduled, said: str, due_at: datetime, version: int | None
) -> bool:
    """Says what became of a night that was claimed, and when the next is due; false if it is no longer ours."""
    values: dict[str, Any] = {"said": said, "due_at": due_at, "last_at": func.clock_timestamp()}
    values |= {} if version is None else {"last_version": version}
    return _let_go(connection, one, **values)


def shown(connection: Connection, one: Scheduled, said: str | None) -> bool:
    """Says that its directory shows what was published when it was claimed, or why it does not."""
    values: dict[str, Any] = {} if said is None else {"said": said}
    return _let_go(connection, one, shown_at=one.now, **values)


def _let_go(connection: Connection, one: Scheduled, **values: Any) -> bool:
    mine = _s.catalog_id == one.catalog_id, _s.claimed_until == one.claimed_until
    done = update(catalog_schedules).where(*mine).values(claimed_until=None, **values)
    return bool(connection.execute(done).rowcount)


def _shown() -> Any:
    own = (_s[name] for name in (*Terms.__slots__, *_OWN))
    return select(
        _s.catalog_id, _c.project_id, _c.name, _c.current, *own, func.clock_timestamp().label("now")
    ).join(catalogs, _c.id == _s.catalog_id)


_OWN = ("pushed_at", "due_at", "last_at", "last_version", "said", "claimed_until")


def _scheduled(row: Row[Any]) -> Scheduled:
    known = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    terms = {name: known.pop(name) for name in Terms.__slots__}
    terms["missed"] = Missed(terms["missed"])
    terms["checks"] = None if terms["checks"] is None else Checks.of(terms["checks"])
    return Scheduled(**known, terms=Terms(**terms))
