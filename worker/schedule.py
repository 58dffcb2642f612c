"""Schedules: a catalog's night that is due begins, of the table as it is now; or it is said why it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

from darkroom.blobs import BlobMissing
from darkroom.catalogs import night
from darkroom.catalogs.night import Night, Studio, Wish
from darkroom.catalogs.plan import Planned, plan
from darkroom.catalogs.reading import Plan
from darkroom.catalogs.recipe import read_recipe
from darkroom.catalogs.references import edit_of, placed
from darkroom.catalogs.spool import spool
from darkroom.domain.figures import money, plural
from darkroom.domain.ids import FILE, shown
from darkroom.domain.problem import BadInput, Problem
from darkroom.domain.reference import Place, place_of
from darkroom.domain.schedule import Turn
from darkroom.store import files, hints, outbox, schedules
from darkroom.store.files import File
from darkroom.store.schedules import Scheduled
from darkroom.store.session import Connection, now_at, transaction
from darkroom.telemetry.logs import logger
from worker.tools import Tools

_LARGEST = 50_000_000


class ScheduleLost(Exception):  # noqa: N818 - nothing went wrong
    """Another worker begins this night, or its schedule was changed."""


def schedule(tools: Tools) -> int:
    """Begins one night that is due, or says why it does not; a stack of one run leaves them all alone."""
    if tools.focus is not None:
        return 0
    with transaction(tools.engine) as connection:
        due = schedules.claim(connection)
    if due is None:
        return 0
    try:
        turn = due.terms.schedule.turn(due.due_at, due.now)
        if not isinstance(turn, Turn):
            return _skip(tools, due, turn)
        return _begin(tools, due, turn)
    except ScheduleLost:
        return 0


def _begin(tools: Tools, due: Scheduled, turn: Turn) -> int:
    studio = Studio(tools.engine, tools.blobs, tools.new_id)
    if (number := night.making(studio, due.catalog_id)) is not None:
        return _skip(tools, due, f"skipped: version {number} is still being made")
    try:
        with _planned(tools, studio, due) as (plan_of_tonight, due_now):
            terms = due_now.terms
            wish = Wish(
                threshold=terms.threshold,
                budget=terms.budget,
                deadline=turn.deadline,
                checks=terms.checks,
            )
            seal = partial(_seal, due_now)
            begun = night.begin(studio, due.project_id, due.name, plan_of_tonight, wish, seal=seal)
    except BadInput as bad:
        first, *others = bad.problems
        more = f" and {len(others):,} more" if others else ""
        return _skip(tools, due, f"refused: {first}{more}")
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _skip(tools, due, f"refused: the recipe or its table cannot be read: {reason}")
    except BlobMissing:
        return _skip(tools, due, "refused: the plan is gone; hand in another: catalog push")
    if begun.difference is None:
        return _skip(tools, due, f"skipped: version {begun.number} is still being made")
    return 1


def _seal(due: Scheduled, connection: Connection, begun: Night) -> None:
    """The night is written down and the next is due, in one transaction.

    Raises:
        ScheduleLost: the night is not ours to begin.
    """
    assert begun.difference is not None
    calls, price = begun.difference.calls, money(begun.difference.expected)
    said = f"version {begun.number} began: {plural(calls, 'image')}, about {price}"
    if due.terms.recipe is None:
        said += f"; plan of {due.pushed_at:%m-%d %H:%M} UTC"
    _settle(connection, due, said, begun.number)
    logger("worker").info(said, action="schedule", catalog=due.name, version=begun.number)


def _skip(tools: Tools, due: Scheduled, said: str) -> int:
    with transaction(tools.engine) as connection:
        _settle(connection, due, said, None)
        outbox.night_skipped(connection, due.catalog_id, said)
        hints.ring(connection)
    logger("worker").warning(said, action="schedule", catalog=due.name)
    return 1


def _settle(connection: Connection, due: Scheduled, said: str, version: int | None) -> None:
    """However late it is, the next night is one that is still to come: those missed are one."""
    due_at = due.terms.schedule.after(now_at(connection))
    if not schedules.settle(connection, due, said, due_at, version):
        raise ScheduleLost


@contextmanager
def _planned(tools: Tools, studio: Studio, due: Scheduled) -> Iterator[tuple[Plan, Scheduled]]:
    """Tonight's plan, of the recipe as it lies here or else of the last that was handed in; and the terms.

    Raises:
        BadInput: the recipe or its table cannot be used.
        OSError: they cannot be read.
        BlobMissing: the plan that was handed in is gone.
    """
    provider = tools.provider_of(due.project_id)
    models = tools.models_of(provider)
    contents = partial(night.contents, studio, due.project_id)
    if due.terms.recipe is not None and tools.local_recipes:
        path = Path(due.terms.recipe)
        recipe = read_recipe(path.read_text(encoding="utf-8"))
        if recipe.name != due.name:
            message = f"{path} is the recipe of {recipe.name} now; schedule that"
            raise BadInput([Problem("recipe_renamed", message)])
        with NamedTemporaryFile(prefix="darkroom-", suffix=".jsonl") as file:
            found = plan(recipe, path.parent / recipe.table)
            spool(_Pictures(tools, due.project_id, path.parent).kept(found), file)
            terms = replace(due.terms, threshold=recipe.threshold, checks=recipe.checks)
            yield Plan(Path(file.name), provider, models, contents), replace(due, terms=terms)
        return
    with transaction(tools.engine) as connection:
        pushed = files.get(connection, due.terms.plan_file_id, due.project_id)
    if pushed is None:
        raise BlobMissing(due.terms.plan_file_id.hex)
    with tools.blobs.local(pushed.sha256) as local:
        yield (
            Plan(local, provider, models, contents),
            replace(due, terms=replace(due.terms, recipe=None)),
        )


class _Pictures:
    """The pictures beside a recipe: each kept once by content, as if it had been handed in."""

    def __init__(self, tools: Tools, project_id: str, folder: Path) -> None:
        self._tools, self._project_id, self._folder = tools, project_id, folder
        self._ids: dict[str, str | None] = {}

    def kept(self, found: Iterator[Planned | Problem]) -> Iterator[Planned | Problem]:
        """The items on pictures by their file ids."""
        for one in found:
            edit = edit_of(one.row) if isinstance(one, Planned) else None
            if edit is None or isinstance(one, Problem):
                yield one
                continue
            paths = [name for name in edit.references if place_of(name) is Place.PATH]
            ids = {name: self._id(name) for name in paths}
            for gone in (name for name, file_id in ids.items() if file_id is None):
                message = "there is no such picture beside the recipe, or it has 50 MB or more"
                yield Problem("image_missing", message, one.line, edit.column, gone)
            known = {name: file_id for name, file_id in ids.items() if file_id}
            yield replace(one, row=placed(one.row, known))

    def _id(self, name: str) -> str | None:
        if name not in self._ids:
            path = self._folder / Path(name).expanduser()
            usable = path.is_file() and path.stat().st_size < _LARGEST
            self._ids[name] = self._keep(path) if usable else None
        return self._ids[name]

    def _keep(self, path: Path) -> str:
        sha256, size = self._tools.blobs.put_file(path)
        with transaction(self._tools.engine) as connection:
            file = File(
                self._tools.new_id(),
                self._project_id,
                files.VISION,
                path.name,
                size,
                sha256,
                now_at(connection),
            )
            return shown(FILE, files.add_reference(connection, file).id)
