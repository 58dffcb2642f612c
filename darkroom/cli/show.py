"""`status`: one batch in full, or the latest in a table."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from darkroom.cli.batchid import meant, short, unknown
from darkroom.cli.caller import command
from darkroom.cli.environment import Environment, read_environment
from darkroom.cli.options import Json
from darkroom.cli.replies import Batch, Job
from darkroom.cli.session import Session, attend
from darkroom.cli.summary import next_step, refusals, unknowns
from darkroom.cli.terminal import Terminal
from darkroom.domain.batch import Counts
from darkroom.domain.figures import duration, money, plural
from darkroom.local.home import Home
from darkroom.local.stack import Stack

RECENT = 20
_NAME_SHOWN = 18


def status(
    batch: Annotated[
        str | None, typer.Argument(help="The batch's id, or its last digits; none: the latest.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show counts, cost and time left.

    Example: darkroom status batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --json

    Without BATCH it is a table of the latest batches.
    """
    terminal, environment = Terminal(), read_environment()
    if _is_untouched(environment):
        if batch:
            raise unknown(batch)
        found: list[Batch] = []
        waiting = None
    else:
        found, waiting = attend(environment, terminal, lambda session: _looked(session, batch))
    if json:
        terminal.json(found[0].reply if batch else [one.reply for one in found])
    elif batch:
        _one(terminal, found[0], waiting)
    else:
        _table(terminal, found)


Seen = tuple[list[Batch], Job | None]
"""The batches, and of a single one a job that waits to be tried again."""


def _is_untouched(environment: Environment) -> bool:
    """Whether no batch can be there: this home has never had a database, and there is no other."""
    elsewhere = environment.api_url or environment.database_url or Stack.running(environment.root)
    return not elsewhere and not Home(environment.root).pg.exists()


def _looked(session: Session, batch: str | None) -> Seen:
    if batch is None:
        return session.client.batches(RECENT), None
    found = meant(session.client, batch)
    return [found], None if found.ended else session.client.waiting_job(found.id)


def _one(terminal: Terminal, batch: Batch, waiting: Job | None) -> None:
    cost = batch.cost
    cap = "none" if cost.cap is None else money(cost.cap)
    left = "unknown" if batch.eta_seconds is None else duration(batch.eta_seconds)
    lines = {
        "batch": batch.id + (f" ({batch.name})" if batch.name else ""),
        "status": batch.standing,
        "jobs": f"{batch.counts.total:,}: {_standing(batch.counts)}",
        "images": f"{batch.images:,}, {batch.images_per_minute:.0f}/min",
        "cost": f"{money(cost.spent)} spent, {money(cost.reserved)} reserved, "
        f"{money(cost.at_risk)} at risk, budget {cap}",
        "left": "nothing" if batch.ended else left,
        "window": _window(batch),
        "deadline": _deadline(batch),
        "waits": "; ".join(batch.waiting) or _obstacle(waiting),
        "checks": _checks(batch),
        "unknown": unknowns(batch),
        "next": next_step(batch),
    }
    for word, value in lines.items():
        if value is not None:
            terminal.result(f"{word:9}{value}")
    for line in refusals(batch):
        terminal.result(line)


def _standing(counts: Counts) -> str:
    parts = {
        "queued": counts.queued + counts.dispatched,
        "in flight": counts.running,
        "made": counts.succeeded,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "expired": counts.expired,
    }
    return ", ".join(f"{number:,} {word}" for word, number in parts.items() if number) or "none yet"


def _checks(batch: Batch) -> str | None:
    checked = batch.reply.get("checks")
    if checked is None:
        return None
    more = "; the rest follows" if checked["open"] else ""
    looked = plural(checked["looked"], "image")
    return f"{looked} looked at, {checked['flagged']:,} did not pass{more}"


def _window(batch: Batch) -> str | None:
    if batch.reply["window"] is None:
        return None
    hours = f"{batch.reply['window']} {batch.reply['timezone']}"
    if batch.waits_until is None:
        return hours
    return f"{hours}; no call is made until it opens, {batch.waits_until.astimezone():%m-%d %H:%M}"


def _deadline(batch: Batch) -> str | None:
    """When it is, and as early as can be told how many will not make it."""
    if batch.deadline_at is None:
        return None
    moment = f"{batch.deadline_at.astimezone():%m-%d %H:%M}"
    if not batch.will_expire:
        return moment
    late = plural(batch.will_expire, "job")
    return f"{moment}: at this pace {late} will not have begun by then and will expire, unpaid"


def _obstacle(waiting: Job | None) -> str | None:
    """What stands in the way of a job that has been tried, and when it is tried again."""
    if waiting is None or waiting.failure is None:
        return None
    due = waiting.due_at.astimezone()
    again = f"at {due:%H:%M:%S}" if due > datetime.now(UTC) else "in its turn"
    return f"{waiting.custom_id}: {waiting.failure['message']}; tried again by itself {again}"


def _table(terminal: Terminal, batches: list[Batch]) -> None:
    if not batches:
        terminal.notice(
            f"there are no batches yet; {command('run', 'FILE', '--out', 'DIR')} makes one"
        )
        return
    rows = [
        [
            short(one.id),
            (one.name or "")[:_NAME_SHOWN],
            one.standing,
            f"{one.counts.succeeded:,}/{one.counts.total:,}",
            f"{one.counts.failed:,}",
            money(one.cost.spent),
            f"{one.created_at.astimezone():%m-%d %H:%M}",
        ]
        for one in batches
    ]
    columns = ["batch", "name", "status", "made", "failed", "spent", "since"]
    terminal.table(columns, rows, folded={"name", "status", "since"})
