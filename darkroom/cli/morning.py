"""`report`: what was made in the night, what was not and why, what it cost, and what to do next."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from darkroom.catalogs.first import RECIPE
from darkroom.cli.batchid import meant
from darkroom.cli.caller import command
from darkroom.cli.catalog_plan import recipe_at
from darkroom.cli.ending import CliError
from darkroom.cli.environment import read_environment
from darkroom.cli.options import Json
from darkroom.cli.refused import NotFound
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import duration, money, plural
from darkroom.domain.ids import BATCH

Reply = Mapping[str, Any]

_WIDTH = 11


def report(
    which: Annotated[
        str | None,
        typer.Argument(help="A batch, a catalog or its recipe.", metavar="BATCH|CATALOG"),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Tell how a batch or a night went, and what to do next.

    Example: darkroom report shop

    A catalog's night is its latest. Without a name it is the catalog of the catalog.toml here, or else the
    latest batch.
    """
    terminal, environment = Terminal(), read_environment()
    path = Path(which or RECIPE)
    name = recipe_at(path, terminal).name if path.is_file() else which
    found = attend(environment, terminal, lambda session: _found(session, name))
    if json:
        terminal.json(found)
        return
    for line in told(found):
        terminal.result(line)


def _found(session: Session, name: str | None) -> Reply:
    """The report of the catalog of this name or of this batch."""
    client = session.client

    def ask(path: str) -> Reply:
        return client.ask(path, lambda reply: {**reply})

    if name is not None and not name.startswith(BATCH):
        try:
            return ask(f"/catalogs/{quote(name, safe='')}/report")
        except NotFound:
            pass
    if name is not None:
        return ask(f"/batches/{meant(client, name).id}/report")
    latest = client.batches(1)
    if not latest:
        raise CliError("there is nothing to report on yet")
    return ask(f"/batches/{latest[0].id}/report")


def told(reply: Reply) -> Iterator[str]:
    """A report for people, a line for each thing that there is to say."""
    if "catalog" in reply:
        yield from _night(reply)
        if reply["batch"]:
            yield from _batch(reply["batch"])
    else:
        yield _line("batch", f"{reply['id']}" + (f" ({reply['name']})" if reply["name"] else ""))
        yield from _batch(reply)
    for step in reply["next"]:
        words = step["command"].split()[1:]
        yield _line("next", f"{step['why']}: {command(*words)}")


def _night(reply: Reply) -> Iterator[str]:
    current = ", the current one" if reply["current"] else ""
    yield _line(
        "catalog", f"{reply['catalog']}, version {reply['version']}: {reply['state']}{current}"
    )
    counted = ", ".join(
        f"{number:,} {state}" for state, number in reply["counts"].items() if number
    )
    yield _line("items", counted or "none")
    if reply["batch"] is None:
        yield _line("spent", "nothing: no call had to be made")
    if schedule := reply["schedule"]:
        yield _line(
            "scheduled",
            f"next {_minute(schedule['next_at'])} UTC; {schedule['said'] or 'none yet'}",
        )
        if schedule["recipe"] is None:
            yield _line(
                "plan",
                f"handed in {_minute(schedule['pushed_at'])} UTC; `catalog push` hands in another",
            )


def _batch(reply: Reply) -> Iterator[str]:
    counts, cost = reply["counts"], reply["cost"]
    words = ("queued", "dispatched", "running", "failed", "cancelled", "expired")
    others = "".join(f", {counts[word]:,} {word}" for word in words if counts[word])
    made = f"{counts['succeeded']:,} of {counts['total']:,} ({plural(reply['images'], 'image')})"
    yield _line("made", f"{made}{others}")
    yield _line("spent", _spent(cost, reply["expected"]))
    if reply["unknown"]:
        risk = money(Decimal(cost["at_risk"]))
        yield _line(
            "unknown", f"{plural(reply['unknown'], 'call')} without an answer, {risk} at risk"
        )
    for group in reply["failures"]:
        yield _line("failed", f"{group['jobs']:,} {group['class']}, e.g. {group['message']}")
    if reply["failures_untold"]:
        yield _line("failed", f"{reply['failures_untold']:,} more")
    for group in reply.get("flagged", ()):
        example = f"{group['custom_id']}, {group['reason']}"
        yield _line(
            "flagged", f"{plural(group['images'], 'image')} {group['check']}, e.g. {example}"
        )
    if reply["slowest"]:
        slow = (f"{one['custom_id']} {duration(one['seconds'])}" for one in reply["slowest"])
        yield _line("slowest", ", ".join(slow))


def _spent(cost: Reply, expected: str | None) -> str:
    spent = money(Decimal(cost["spent"]))
    cap = "" if cost["cap"] is None else f", of a budget of {money(Decimal(cost['cap']))}"
    told_before = "" if expected is None else f"; about {money(Decimal(expected))} was expected"
    return f"{spent}{cap}{told_before}"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _line(word: str, text: str) -> str:
    return f"{word:{_WIDTH}}{text}"
