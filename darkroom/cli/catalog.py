"""catalog and its commands: a table's images, brought up to date night after night."""

from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from darkroom import sheets
from darkroom.catalogs.first import RECIPE, first_recipe
from darkroom.cli import hours, options
from darkroom.cli.catalog_night import Night, Production, told
from darkroom.cli.catalog_plan import prepared, recipe_at
from darkroom.cli.catalog_replies import Catalogs, Change
from darkroom.cli.catalog_schedule import push, schedule, unschedule
from darkroom.cli.catalog_shelf import published
from darkroom.cli.ending import CliError
from darkroom.cli.environment import read_environment
from darkroom.cli.session import Session, Visit, attend
from darkroom.cli.source import opened
from darkroom.cli.stack import Staff
from darkroom.cli.terminal import Terminal
from darkroom.domain.catalog import Reuse
from darkroom.domain.problem import BadInput
from darkroom.sheets import Row

app = typer.Typer(no_args_is_help=True, help="Regenerate a product catalog, only what changed.")

RecipePath = Annotated[Path, typer.Argument(help="The recipe.", metavar="RECIPE")]
Reusing = Annotated[
    Reuse,
    typer.Option("--reuse", help="use what was bought; refresh: make anew; only: buy nothing."),
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Make everything selected anew.")]
Only = Annotated[str | None, typer.Option(help="These SKUs and no others: a,b,c.")]

_HERE = Path(RECIPE)


@app.command()
def init(
    file: Annotated[str, typer.Argument(help="A table of products.", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a catalog.toml.")] = False,
) -> None:
    """Write a first catalog.toml beside a table, by looking at its columns.

    Example: darkroom catalog init products.csv

    Image columns are written as comments: nothing is paid for that you did not ask for.
    """
    terminal = Terminal()
    with opened(file) as source:
        try:
            first = next((row for row in sheets.read(source.path) if isinstance(row, Row)), None)
        except BadInput as bad:
            raise CliError(f"{file}: {bad}") from bad
    if first is None:
        raise CliError(f"{file} has no row that can be read; correct its first row")
    target = Path(file).parent / RECIPE
    if target.exists() and not force:
        raise CliError(f"{target} is there already; --force replaces it")
    target.write_text(first_recipe(Path(file).name, first.cells), encoding="utf-8")
    terminal.result(f"{target} written; look at its template, then: darkroom catalog diff {target}")


@app.command()
def diff(
    recipe: RecipePath = _HERE,
    *,
    reuse: Reusing = Reuse.USE,
    refresh: Refresh = False,
    only: Only = None,
    json: options.Json = False,
) -> None:
    """Tell what is new, changed, unchanged and removed, and what it will cost.

    Example: darkroom catalog diff shop/catalog.toml

    Nothing is sent to the provider and nothing spent.
    """
    terminal, environment = Terminal(), read_environment()
    night = asked(reuse, only, refresh=refresh)
    with prepared(recipe, environment, terminal) as plan:
        plan.require(night.only or ())

        def work(session: Session) -> Change:
            file_id = plan.handed_in(session.client)
            return Catalogs(session.client, plan.recipe.name).diff(night.body(file_id))

        visit = Visit(Staff.FULL, focus=token_hex(8))
        change = attend(environment, terminal, work, visit)
    if json:
        terminal.json(change.reply)
        return
    for line in told(change, environment):
        terminal.result(line)


@app.command()
def sync(
    recipe: RecipePath = _HERE,
    *,
    reuse: Reusing = Reuse.USE,
    refresh: Refresh = False,
    only: Only = None,
    budget: options.Budget = None,
    deadline: options.Deadline = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for the end.")] = False,
) -> None:
    """Make what is new or changed, and publish it.

    Example: darkroom catalog sync shop/catalog.toml --budget 80

    The images are put into the recipe's directory, all at once when the night is over: `current` leads
    to one whole version. An item that could not be made keeps its last image, and the manifest says so.
    The same command again goes on where it stopped.
    Exit status: 0 all images made, 1 finished with failures, 2 refused before spending, 3 stopped.
    """
    terminal, environment = Terminal(), read_environment()
    night = asked(reuse, only, refresh=refresh)
    night.budget = options.dollars(budget)
    night.deadline = hours.moment(deadline, datetime.now(UTC), hours.zone(None))
    with prepared(recipe, environment, terminal) as plan:
        plan.require(night.only or ())
        night.threshold, night.checks = plan.recipe.threshold, plan.recipe.checks
        production = Production(terminal, environment, plan, night, detach=detach)
        visit = Visit(Staff.FULL, token_hex(8), not detach, lasting=True, leave=production.leave)
        night.focus = visit.focus
        raise typer.Exit(attend(environment, terminal, production.work, visit))


@app.command()
def versions(recipe: RecipePath = _HERE, *, json: options.Json = False) -> None:
    """List a catalog's versions, the current one marked.

    Example: darkroom catalog versions shop/catalog.toml
    """
    terminal, environment = Terminal(), read_environment()
    name = recipe_at(recipe, terminal).name
    found = attend(environment, terminal, lambda s: Catalogs(s.client, name).versions())
    if json:
        terminal.json([one.reply for one in found])
        return
    rows = [
        [
            f"{one.version}{' *' if one.current else ''}",
            one.state.value,
            one.created_at[:16].replace("T", " "),
            ", ".join(f"{n} {state}" for state, n in one.counts.items() if n),
        ]
        for one in found
    ]
    terminal.table(["version", "state", "began (UTC)", "items"], rows, folded={"items"})


@app.command()
def publish(
    version: Annotated[int, typer.Argument(help="Its number.", show_default=False)],
    recipe: RecipePath = _HERE,
) -> None:
    """Make a version the current one: a candidate, or an earlier one that is put back.

    Example: darkroom catalog publish 41
    """
    terminal, environment = Terminal(), read_environment()
    known = recipe_at(recipe, terminal)

    def work(session: Session) -> Path:
        catalog = Catalogs(session.client, known.name)
        catalog.publish(version)
        return published(session, catalog, version, recipe.parent / known.directory)

    terminal.result(f"version {version} is current: {attend(environment, terminal, work)}")


for scheduling in (schedule, unschedule, push):
    app.command()(scheduling)


def asked(reuse: Reuse, only: str | None, *, refresh: bool) -> Night:
    """What the options ask of a night.

    Raises:
        CliError: they contradict each other, or select nothing.
    """
    if refresh and reuse is Reuse.ONLY:
        raise CliError("--refresh buys and --reuse only does not; leave one of them out")
    skus = None if only is None else [one.strip() for one in only.split(",") if one.strip()]
    if skus is not None and not skus:
        raise CliError("--only names no SKU; write --only a,b,c")
    return Night(Reuse.REFRESH if refresh else reuse, skus)
