"""A catalog's night: the difference is found, what it lacks is ordered, and nothing else."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

from darkroom.blobs import BlobStore
from darkroom.catalogs.reading import Plan
from darkroom.domain.catalog import THRESHOLD, Difference, Reuse, VersionState
from darkroom.domain.checking import Checks
from darkroom.domain.ids import FILE, uuid_of
from darkroom.store import batches, catalogs, checklists, differences, files, hints
from darkroom.store.batches import NewBatch
from darkroom.store.catalogs import Catalog, NewVersion, Version
from darkroom.store.differences import Selection
from darkroom.store.files import File
from darkroom.store.hints import About
from darkroom.store.session import Connection, Database, sitting, transaction

CHUNK = 5_000
"""Files that are looked up at once."""

Part = Callable[[], AbstractContextManager[Connection]]
"""Begins one more transaction of a session."""


@dataclass(frozen=True, slots=True)
class Studio:
    """What a night needs of the house."""

    engine: Database
    blobs: BlobStore
    new_id: Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a night beside its plan; `only` are SKUs."""

    reuse: Reuse = Reuse.USE
    only: frozenset[str] | None = None
    threshold: Decimal = THRESHOLD
    budget: Decimal | None = None
    deadline: datetime | None = None
    focus: str | None = None
    checks: Checks | None = None


@dataclass(frozen=True, slots=True)
class Night:
    """A night that has begun; `difference` is None if it had begun before."""

    number: int
    batch_id: UUID | None
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class _Before:
    """What was there when the difference was made."""

    number: int
    making: Version | None
    difference: Difference


@dataclass(frozen=True, slots=True)
class _Ordered:
    """The file of what is to be made, its bytes safe, and the batch that it will be."""

    file: File
    batch_id: UUID
    provider: str

    def batch(self, catalog: Catalog, wish: Wish) -> NewBatch:
        return NewBatch(
            id=self.batch_id,
            project_id=catalog.project_id,
            input_file_id=self.file.id,
            options={checklists.ASKED: wish.checks.as_json()} if wish.checks else {},
            name=catalog.name,
            provider=self.provider,
            focus=wish.focus,
            cap=wish.budget,
            deadline_at=wish.deadline,
        )


def contents(studio: Studio, project_id: str, file_ids: Collection[str]) -> Mapping[str, str]:
    """The sha256 of each of these files that is the project's."""
    name_of = {key: one for one in file_ids if (key := uuid_of(FILE, one))}
    keys, found = list(name_of), dict[str, str]()
    for start in range(0, len(keys), CHUNK):
        with transaction(studio.engine) as connection:
            owned = files.owned(connection, project_id, keys[start : start + CHUNK])
        found |= {name_of[key]: file.sha256 for key, file in owned.items()}
    return found


def difference(studio: Studio, project_id: str, name: str, plan: Plan, wish: Wish) -> Difference:
    """What a night would do; nothing is kept and nothing spent.

    Raises:
        BadInput: the plan cannot be used.
    """
    with sitting(studio.engine) as part:
        _hand_in(part, plan)
        with part() as connection:
            return _looked(connection, project_id, name, wish).difference


Seal = Callable[[Connection, Night], None]
"""Said of a new night in the transaction that writes it down; what it raises undoes the night."""


def begin(
    studio: Studio, project_id: str, name: str, plan: Plan, wish: Wish, *, seal: Seal | None = None
) -> Night:
    """Begins a night, or goes on with the one that is not over: nights of one catalog never overlap.

    Raises:
        BadInput: the plan cannot be used.
    """
    with sitting(studio.engine) as part:
        _hand_in(part, plan)
        while True:
            with part() as connection:
                before = _looked(connection, project_id, name, wish)
            if before.making is not None:
                return _gone_on(studio, before.making, wish)
            calls = before.difference.calls
            ordered = _ordered(studio, part, project_id, name, plan) if calls else None
            with part() as connection:
                catalog = catalogs.hold(connection, project_id, name, studio.new_id())
                if _last(connection, catalog) == before.number:
                    begun = _begun(connection, catalog, ordered, wish, before.difference)
                    if seal is not None:
                        seal(connection, begun)
                    return begun


def making(studio: Studio, catalog_id: UUID) -> int | None:
    """The number of the night of a catalog that is not over; None where none is."""
    with transaction(studio.engine) as connection:
        found = catalogs.versions(connection, catalog_id, limit=1)
    return next((one.number for one in found if one.state is VersionState.MAKING), None)


def _hand_in(part: Part, plan: Plan) -> None:
    """The plan's items, in the tables of this session."""
    with part() as connection:
        differences.open_tables(connection)
    for rows in differences.pages(plan.wanted()):
        with part() as connection:
            differences.add(connection, rows)


def _looked(connection: Connection, project_id: str, name: str, wish: Wish) -> _Before:
    catalog = catalogs.find(connection, project_id, name)
    found = catalogs.versions(connection, catalog.id, limit=1) if catalog else []
    making = next((one for one in found if one.state is VersionState.MAKING), None)
    selected = Selection(wish.reuse, wish.only)
    return _Before(
        found[0].number if found else 0,
        making,
        differences.compare(connection, project_id, catalog, selected),
    )


def _last(connection: Connection, catalog: Catalog) -> int:
    found = catalogs.versions(connection, catalog.id, limit=1)
    return found[0].number if found else 0


def _gone_on(studio: Studio, making: Version, wish: Wish) -> Night:
    if making.batch_id is not None:
        with transaction(studio.engine) as connection:
            batches.refocus(connection, making.batch_id, wish.focus)
            hints.ring(connection, About.LISTS, About.JOBS)
    return Night(making.number, making.batch_id, None)


def _ordered(studio: Studio, part: Part, project_id: str, name: str, plan: Plan) -> _Ordered:
    with NamedTemporaryFile(prefix="darkroom-", suffix=".jsonl") as lines:
        lines.writelines(plan.lines(_called(part)))
        lines.flush()
        sha256, size = studio.blobs.put_file(Path(lines.name))
    now = datetime.now(UTC)
    file = File(studio.new_id(), project_id, files.BATCH, f"{name}.jsonl", size, sha256, now)
    return _Ordered(file, studio.new_id(), plan.provider)


def _called(part: Part) -> Iterator[int]:
    """The lines of the plan that are to be made."""
    after = -1
    while True:
        with part() as connection:
            some = differences.lines(connection, after)
        yield from some
        if not some:
            return
        after = some[-1]


def _begun(
    connection: Connection,
    catalog: Catalog,
    ordered: _Ordered | None,
    wish: Wish,
    found: Difference,
) -> Night:
    if ordered is not None:
        files.add(connection, ordered.file)
        batches.create(connection, ordered.batch(catalog, wish))
    batch_id = ordered.batch_id if ordered else None
    new = NewVersion(batch_id, wish.threshold, found.expected)
    number = differences.begin(connection, catalog, new, all_of_it=wish.only is None)
    hints.ring(connection, About.LISTS, About.JOBS)
    return Night(number, batch_id, found)
