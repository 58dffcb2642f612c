"""catalog schedule, unschedule, push: nights that the stack begins by itself."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from darkroom.catalogs.first import RECIPE
from darkroom.catalogs.recipe import Recipe
from darkroom.cli import hours, options
from darkroom.cli.caller import command
from darkroom.cli.catalog_plan import prepared, recipe_at
from darkroom.cli.catalog_replies import Catalogs, Reply, ScheduledCatalog, schedules
from darkroom.cli.ending import CliError
from darkroom.cli.environment import read_environment
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import money
from darkroom.domain.schedule import Missed

_HERE = Path(RECIPE)

Words = Annotated[
    list[str] | None,
    typer.Argument(help="The catalog's name or recipe, and when.", metavar="[NAME|RECIPE] CRON"),
]


def schedule(
    words: Words = None,
    *,
    timezone: Annotated[str | None, typer.Option(help="Whose clocks; this machine's.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="When a night must be over, a time of day: 06:00.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Of each night, in US dollars.")] = None,
    missed: Annotated[
        Missed, typer.Option(help="What becomes of a night that nothing was there to begin.")
    ] = Missed.RUN,
    list_all: Annotated[bool, typer.Option("--list", help="Show every schedule.")] = False,
    json: options.Json = False,
) -> None:
    """Let nights begin by themselves, for as long as a stack is up.

    Example: darkroom catalog schedule shop "0 22 * * *" --deadline 06:00 --budget 80

    CRON is minute, hour, day, month and weekday. A stack on this machine reads the recipe and its table when
    the night begins, and fills the recipe's directory when it is over. A stack elsewhere goes by what was
    handed in last: `catalog push` hands in the table as it is now.
    """
    terminal, environment = Terminal(), read_environment()
    if list_all:
        _list(terminal, attend(environment, terminal, lambda s: schedules(s.client)), json=json)
        return
    path, cron = _meant(terminal, words or [])
    with prepared(path, environment, terminal) as plan:
        body = {
            "cron": cron,
            "timezone": hours.zone(timezone).key,
            "deadline": deadline,
            "missed": missed,
            "budget": None if budget is None else str(options.dollars(budget)),
            "threshold": str(plan.recipe.threshold),
            "checks": options.asked_checks(plan.recipe.checks),
            "recipe": None if environment.api_url else str(path.absolute()),
        }

        def work(session: Session) -> ScheduledCatalog:
            asked = {**body, "plan_file_id": plan.handed_in(session.client)}
            return Catalogs(session.client, plan.recipe.name).schedule(asked)

        made = attend(environment, terminal, work)
    if json:
        terminal.json(made.reply)
        return
    up = "" if environment.api_url else f", if a stack is up then: {command('up')}"
    terminal.result(f"{made.catalog}: the next night begins {made.next_at} UTC{up}")


def unschedule(words: Words = None) -> None:
    """Take a catalog's schedule away; a night that runs goes on.

    Example: darkroom catalog unschedule shop
    """
    terminal, environment = Terminal(), read_environment()
    name = _named(terminal, words or [])

    def work(session: Session) -> None:
        Catalogs(session.client, name).unschedule()

    attend(environment, terminal, work)
    terminal.result(f"{name} is no longer scheduled")


def push(
    recipe: Annotated[Path, typer.Argument(help="The recipe.", metavar="RECIPE")] = _HERE,
) -> None:
    """Hand in a scheduled catalog's table as it is now, for a stack elsewhere.

    Example: darkroom catalog push shop/catalog.toml
    """
    terminal, environment = Terminal(), read_environment()
    with prepared(recipe, environment, terminal) as plan:

        def work(session: Session) -> ScheduledCatalog:
            plan_id = plan.handed_in(session.client)
            body = {
                "plan_file_id": plan_id,
                "threshold": str(plan.recipe.threshold),
                "checks": options.asked_checks(plan.recipe.checks),
            }
            return Catalogs(session.client, plan.recipe.name).push(body)

        known = attend(environment, terminal, work)
    terminal.result(f"{known.catalog}: the night of {known.next_at} UTC is made of this table")


def _meant(terminal: Terminal, words: list[str]) -> tuple[Path, str]:
    """The recipe and the times that these words mean."""
    match words:
        case [cron]:
            return _HERE, cron
        case [which, cron]:
            return _recipe(terminal, which)[0], cron
        case _:
            example = command("catalog", "schedule", "0 22 * * *")
            raise CliError(f"say when, in quotes: {example}; or --list")


def _named(terminal: Terminal, words: list[str]) -> str:
    match words:
        case []:
            return recipe_at(_HERE, terminal).name
        case [which] if not Path(which).is_file():
            return which
        case [which]:
            return _recipe(terminal, which)[1].name
        case _:
            raise CliError("name one catalog")


def _recipe(terminal: Terminal, which: str) -> tuple[Path, Recipe]:
    """The recipe at this path, or the one here if it is that of this catalog."""
    path = Path(which) if Path(which).is_file() else _HERE
    recipe = recipe_at(path, terminal)
    if path == _HERE and which not in (recipe.name, RECIPE):
        raise CliError(f"{which} is no recipe, and {path} here is that of {recipe.name}")
    return path, recipe


def _list(terminal: Terminal, found: list[ScheduledCatalog], *, json: bool) -> None:
    if json:
        terminal.json([one.reply for one in found])
        return
    if not found:
        terminal.notice("nothing is scheduled")
        return
    for one in found:
        terminal.result(f"{one.catalog}: {_when(one.reply)}; next {one.next_at} UTC")
        terminal.result(f"  the last: {one.said or 'none yet'}")


def _when(reply: Reply) -> str:
    more: dict[str, str | None] = {
        "until": reply["deadline"],
        "for at most": reply["budget"] and money(Decimal(reply["budget"])),
        "missed:": None if reply["missed"] == Missed.RUN else reply["missed"],
    }
    told = [f"{word} {value}" for word, value in more.items() if value]
    return ", ".join([f"{reply['cron']} {reply['timezone']}", *told])
