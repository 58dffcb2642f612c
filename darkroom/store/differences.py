"""Tonight's table against a catalog's current version, compared in temporary tables of one session.

However many rows there are, none is kept in memory: the table comes in by COPY, chunk by chunk, and is compared
by joins. All of it is gone with the session.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    MetaData,
    Numeric,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on

from darkroom.domain.catalog import Difference, ItemState, Reuse, Standing, Wanted
from darkroom.store.catalogs import Catalog, NewVersion, made, open_version, rejected
from darkroom.store.intake import PLAN_ONCE
from darkroom.store.tables import catalog_items, catalog_orders

SAMPLES = 3
PAGE = 5_000

_temporary = MetaData()

_wanted = Table(
    "wanted_tonight",
    _temporary,
    Column("sku", Text),
    Column("variant", Text),
    Column("fingerprint", Text),
    Column("custom_id", Text),
    Column("line", Integer),
    Column("prompt", Text),
    Column("expected", Numeric),
    Column("bound", Numeric),
    Column("seconds", Float),
    prefixes=["TEMPORARY"],
)
_had = Table(
    "had_before",
    _temporary,
    *(
        Column(name, kind)
        for name, kind in (
            ("sku", Text),
            ("variant", Text),
            ("fingerprint", Text),
            ("state", Text),
            ("attempt_id", Uuid),
            ("index", Integer),
            ("shown", Text),
            ("rejected", Boolean),
        )
    ),
    prefixes=["TEMPORARY"],
)
_steps = Table(
    "steps_tonight",
    _temporary,
    *(Column(one.name, one.type) for one in _wanted.c),
    Column("standing", Text),
    Column("state", Text),
    Column("makes", Boolean),
    Column("attempt_id", Uuid),
    Column("index", Integer),
    Column("shown", Text),
    prefixes=["TEMPORARY"],
)
_w, _h, _s = _wanted.c, _had.c, _steps.c
_COPY = f"COPY {_wanted.name} FROM STDIN"
_PICTURE = ("attempt_id", "index", "shown")


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of a night: `only` are SKUs, None means all."""

    reuse: Reuse = Reuse.USE
    only: Collection[str] | None = None


def open_tables(connection: Connection) -> None:
    """Makes the temporary tables of this session."""
    _temporary.create_all(connection, checkfirst=False)


def add(connection: Connection, rows: Sequence[Wanted]) -> None:
    """Adds some items of tonight's table."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for one in rows:
            copy.write_row(
                (
                    *(one.sku, one.variant, one.fingerprint, one.custom_id, one.line),
                    *(one.prompt, one.expected, one.bound, one.seconds),
                )
            )


def compare(
    connection: Connection, project_id: str, catalog: Catalog | None, asked: Selection
) -> Difference:
    """What tonight's table needs, given the current version and what was ever bought.

    With `only`, items of other SKUs stay as they are, and nothing is marked as removed.
    """
    for table in (_had, _steps):
        connection.execute(text(f"TRUNCATE {table.name}"))
    if catalog is not None and catalog.current is not None:
        connection.execute(insert(_had).from_select(list(_h.keys()), _shown_by(catalog)))
    for table in (_wanted, _had):
        connection.execute(text(f"ANALYZE {table.name}"))
    connection.execute(insert(_steps).from_select(list(_s.keys()), _standings(asked)))
    connection.execute(text(f"ANALYZE {_steps.name}"))
    if asked.reuse is not Reuse.REFRESH:
        _reuse(connection, project_id)
    _order(connection, asked.reuse)
    return _told(connection, asked)


def _shown_by(catalog: Catalog) -> Select[Any]:
    i = catalog_items.c
    bad = and_(i.shown.is_not(None), rejected(i.attempt_id, i["index"]))
    known = (i[one.name] for one in _h if one.name != "rejected")
    its = i.catalog_id == catalog.id, i.version == catalog.current
    return select(*known, bad.label("rejected")).where(*its)


def _standings(asked: Selection) -> Select[Any]:
    """Each selected item with how it stands, and the picture that it shows; unchanged ones are kept."""
    gone = or_(_h.shown.is_(None), _h.state == ItemState.REMOVED)
    standing = case(
        (gone, Standing.NEW.value),
        (_h.shown != _w.fingerprint, Standing.CHANGED.value),
        (_h.rejected, Standing.REJECTED.value),
        else_=Standing.UNCHANGED.value,
    )
    kept = case((standing == Standing.UNCHANGED.value, ItemState.KEPT.value))
    state = literal(None, Text) if asked.reuse is Reuse.REFRESH else kept
    same = and_(_h.sku == _w.sku, _h.variant == _w.variant)
    makes = literal(value=False)
    picture = (_h[name] for name in _PICTURE)
    query = select(*_wanted.c, standing, state, makes, *picture).outerjoin_from(_wanted, _had, same)
    return query if asked.only is None else query.where(_w.sku.in_(asked.only))


def _reuse(connection: Connection, project_id: str) -> None:
    """What was ever bought, or is shown by another item, serves who wants the same."""
    open_now = _s.state.is_(None)
    wanting = select(_s.fingerprint).where(open_now)
    bought = made(
        catalog_orders.c.project_id == project_id, catalog_orders.c.fingerprint.in_(wanting)
    )
    _serve(connection, bought.c.fingerprint, bought.c.attempt_id, bought.c.place)
    near = (
        select(_h.shown, _h.attempt_id, _h["index"])
        .ext(distinct_on(_h.shown))
        .where(_h.shown.is_not(None), ~_h.rejected)
        .order_by(_h.shown, _h.sku, _h.variant)
        .subquery()
    )
    _serve(connection, near.c.shown, near.c.attempt_id, near.c["index"])


def _serve(connection: Connection, fingerprint: Any, attempt_id: Any, index: Any) -> None:
    values = {
        "state": ItemState.REUSED.value,
        "attempt_id": attempt_id,
        "index": index,
        "shown": fingerprint,
    }
    mine = _s.state.is_(None), _s.fingerprint == fingerprint
    connection.execute(update(_steps).where(*mine).values(values))


def _order(connection: Connection, reuse: Reuse) -> None:
    """What is left is made, each fingerprint once: what the provider could not tell apart shares a call."""
    if reuse is Reuse.ONLY:
        behind = case((_s.shown.is_(None), ItemState.MISSING.value), else_=ItemState.STALE.value)
        connection.execute(update(_steps).where(_s.state.is_(None)).values(state=behind))
        return
    waiting = {"state": ItemState.WAITING.value}
    connection.execute(update(_steps).where(_s.state.is_(None)).values(waiting))
    first = (
        select(_s.sku, _s.variant)
        .ext(distinct_on(_s.fingerprint))
        .where(_s.state == ItemState.WAITING)
        .order_by(_s.fingerprint, _s.sku, _s.variant)
        .subquery()
    )
    paying = and_(_s.sku == first.c.sku, _s.variant == first.c.variant)
    connection.execute(update(_steps).where(paying).values(makes=True))


def _told(connection: Connection, asked: Selection) -> Difference:
    counted = select(_s.standing, _s.state, func.count()).group_by(_s.standing, _s.state)
    counts = {
        (Standing(standing), ItemState(state)): number
        for standing, state, number in connection.execute(counted)
    }
    summed = ("expected", "bound", "seconds")
    sums = (func.coalesce(func.sum(_s[name]).filter(_s.makes), 0) for name in summed)
    asked_for = select(func.count().filter(_s.makes), *sums)
    calls, expected, bound, busy = connection.execute(asked_for).one()
    samples = connection.execute(
        select(*(_s[name] for name in Wanted.__slots__))
        .where(_s.makes)
        .order_by(_s.sku, _s.variant)
        .limit(SAMPLES)
    )
    removed = select(func.count()).select_from(_had).where(~_selected())
    return Difference(
        counts=counts,
        calls=calls,
        expected=Decimal(expected),
        bound=Decimal(bound),
        busy=float(busy),
        removed=connection.execute(removed).scalar_one() if asked.only is None else 0,
        samples=tuple(Wanted(**row._mapping) for row in samples),  # noqa: SLF001 - SQLAlchemy's public name
    )


def _selected() -> ColumnElement[bool]:
    return exists().where(_s.sku == _h.sku, _s.variant == _h.variant)


def lines(connection: Connection, after: int) -> list[int]:
    """The lines of what is to be made, in their order, so many behind this one."""
    query = select(_s.line).where(_s.makes, _s.line > after).order_by(_s.line).limit(PAGE)
    return list(connection.execute(query).scalars())


def begin(connection: Connection, catalog: Catalog, new: NewVersion, *, all_of_it: bool) -> int:
    """Writes down a night: its version, what it shows as it begins, and what is ordered; its number.

    With `all_of_it` what is in the table no longer is marked as removed; else it stays as it is.
    """
    number = open_version(connection, catalog, new)
    connection.execute(PLAN_ONCE)
    whose = (literal(catalog.id, Uuid), literal(number))
    columns = ["catalog_id", "version", "sku", "variant", "fingerprint", "state", *_PICTURE]
    shown = (_s[name] for name in columns[2:])
    connection.execute(insert(catalog_items).from_select(columns, select(*whose, *shown)))
    fresh = _h.state.in_((ItemState.MADE, ItemState.REUSED))
    kept = case((fresh, ItemState.KEPT.value), else_=_h.state)
    state = literal(ItemState.REMOVED.value) if all_of_it else kept
    rest = (_h.sku, _h.variant, _h.fingerprint, state, *(_h[name] for name in _PICTURE))
    others = select(*whose, *rest).where(~_selected())
    connection.execute(insert(catalog_items).from_select(columns, others))
    if new.batch_id is not None:
        order = ["batch_id", "custom_id", "project_id", "fingerprint"]
        batch_id, project_id = literal(new.batch_id, Uuid), literal(catalog.project_id)
        paid = select(batch_id, _s.custom_id, project_id, _s.fingerprint).where(_s.makes)
        connection.execute(insert(catalog_orders).from_select(order, paid))
    return number


def pages(rows: Iterator[Wanted]) -> Iterator[list[Wanted]]:
    """The rows in parts of a size that one transaction takes in at once."""
    part: list[Wanted] = []
    for one in rows:
        part.append(one)
        if len(part) == PAGE:
            yield part
            part = []
    if part:
        yield part
