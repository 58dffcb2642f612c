"""A recipe and its table as a plan that can be handed in, checked before anything is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, NoReturn

from darkroom.catalogs.plan import Planned, plan
from darkroom.catalogs.reading import Plan
from darkroom.catalogs.recipe import Recipe, read_recipe
from darkroom.cli.ending import CliError
from darkroom.cli.environment import Environment
from darkroom.cli.facts import models_today
from darkroom.cli.report import listed
from darkroom.cli.source import Source
from darkroom.cli.terminal import Terminal
from darkroom.domain.problem import BadInput, Problem

PLAN = "plan.jsonl"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recipe, the folder that it lies in, and the plan that it makes of its table."""

    recipe: Recipe
    folder: Path
    source: Source

    @property
    def directory(self) -> Path:
        """Where its images are published."""
        return self.folder / self.recipe.directory


@contextmanager
def prepared(path: Path, environment: Environment, terminal: Terminal) -> Iterator[Prepared]:
    """The plan of a recipe, for as long as the command needs it.

    Raises:
        CliError: the recipe or its table cannot be used; every reason has been told.
    """
    recipe = recipe_at(path, terminal)
    table = path.parent / recipe.table
    if not table.is_file():
        raise CliError(f"{path} names a table {recipe.table}, which is not there; correct `table`")
    with NamedTemporaryFile(prefix="darkroom-", suffix=".jsonl") as spool:
        try:
            lines = _write(recipe, table, spool)
            _check(Path(spool.name), lines, environment)
        except BadInput as bad:
            _refuse(terminal, table.name, bad)
        yield Prepared(recipe, path.parent, Source(Path(spool.name), PLAN, path.parent))


def recipe_at(path: Path, terminal: Terminal) -> Recipe:
    """The recipe in this file.

    Raises:
        CliError: there is none, or it cannot be used.
    """
    if not path.is_file():
        raise CliError(f"there is no {path}; write one with `darkroom catalog init FILE`")
    try:
        return read_recipe(path.read_text(encoding="utf-8"))
    except BadInput as bad:
        _refuse(terminal, path.name, bad)


def _write(recipe: Recipe, table: Path, spool: IO[bytes]) -> list[int]:
    """The line of the table behind each line of the plan."""
    lines: list[int] = []
    problems: list[Problem] = []
    for one in plan(recipe, table):
        if isinstance(one, Planned):
            spool.write(one.json())
            lines.append(one.line)
        else:
            problems.append(one)
    spool.flush()
    if problems:
        raise BadInput(problems)
    if not lines:
        message = "no image is asked for: every row is skipped; take a rule out of `skip`"
        raise BadInput([Problem("no_rows", message)])
    return lines


def _check(path: Path, lines: list[int], environment: Environment) -> None:
    try:
        Plan(path, "", models_today(environment, None)).wanted()
    except BadInput as bad:
        told = [replace(one, line=one.line and lines[one.line - 1]) for one in bad.problems]
        raise BadInput(told) from None


def _refuse(terminal: Terminal, name: str, bad: BadInput) -> NoReturn:
    for line in listed(name, bad.problems):
        terminal.notice(line)
    raise CliError(f"{name} cannot be used; nothing was sent and nothing spent")
