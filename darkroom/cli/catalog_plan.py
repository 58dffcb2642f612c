"""A recipe and its table as a plan that can be handed in, checked before anything is sent."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NoReturn

import orjson

from darkroom.catalogs.plan import SKU, Planned, plan
from darkroom.catalogs.reading import Plan
from darkroom.catalogs.recipe import Recipe, read_recipe
from darkroom.catalogs.references import edit_of, placed
from darkroom.catalogs.spool import spool
from darkroom.cli.client import Client
from darkroom.cli.ending import CliError
from darkroom.cli.environment import Environment
from darkroom.cli.facts import models_today
from darkroom.cli.pictures import Pictures, lookout_of
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
    pictures: Pictures

    def handed_in(self, client: Client) -> str:
        """Hand in the plan and the pictures that its rows name on this machine; the plan's file id."""
        ids = self.pictures.uploaded(client)
        if not ids:
            return client.upload(self.source)
        with NamedTemporaryFile(prefix="darkroom-", suffix=".jsonl") as file:
            with self.source.path.open("rb") as lines:
                file.writelines(orjson.dumps(placed(orjson.loads(x), ids)) + b"\n" for x in lines)
            file.flush()
            return client.upload(replace(self.source, path=Path(file.name)))

    def require(self, skus: Collection[str]) -> None:
        """See that the table has all of these.

        Raises:
            CliError: it has not; the first that is missing is named.
        """
        if not skus:
            return
        with self.source.path.open("rb") as lines:
            known = {str(orjson.loads(line)[SKU]) for line in lines}
        for sku in skus:
            if sku not in known:
                close = get_close_matches(sku, known, n=1)
                hint = f"did you mean {close[0]}?" if close else "look at its SKUs"
                raise CliError(f"--only {sku}: {self.recipe.table} has no such SKU; {hint}")

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
    pictures = Pictures(path.parent, lookout_of(environment))
    with NamedTemporaryFile(prefix="darkroom-", suffix=".jsonl") as file:
        try:
            lines = spool(_judged(plan(recipe, table), pictures), file)
            _check(Path(file.name), lines, environment)
        except BadInput as bad:
            _refuse(terminal, table.name, bad)
        source = Source(Path(file.name), PLAN, path.parent)
        yield Prepared(recipe, path.parent, source, pictures)


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


def _judged(found: Iterable[Planned | Problem], pictures: Pictures) -> Iterator[Planned | Problem]:
    """The items, and what is wrong with the pictures that they name here."""
    for one in found:
        yield one
        if isinstance(one, Planned) and (edit := edit_of(one.row)):
            for flaw in pictures.judge(edit):
                yield flaw.at(one.line, one.row["custom_id"])


def _check(path: Path, lines: Sequence[int], environment: Environment) -> None:
    try:
        Plan(path, "", models_today(environment, None)).check()
    except BadInput as bad:
        told = [replace(one, line=one.line and lines[one.line - 1]) for one in bad.problems]
        raise BadInput(told) from None


def _refuse(terminal: Terminal, name: str, bad: BadInput) -> NoReturn:
    for line in listed(name, bad.problems):
        terminal.notice(line)
    raise CliError(f"{name} cannot be used; nothing was sent and nothing spent")
