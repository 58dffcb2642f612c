"""`status`: one batch in full, or the latest in a table."""

from typing import Annotated

import typer

from darkroom.cli.batchid import meant, short
from darkroom.cli.environment import read_environment
from darkroom.cli.figures import duration, money
from darkroom.cli.replies import Batch
from darkroom.cli.session import Session, attend
from darkroom.cli.summary import next_step
from darkroom.cli.terminal import Terminal

RECENT = 20
_NAME_SHOWN = 18


def status(
    batch: Annotated[
        str | None, typer.Argument(help="The batch's id, or its last digits; none: the latest.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show counts, cost and time left.

    Example: darkroom status batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --json

    Without BATCH it is a table of the latest batches.
    """
    terminal = Terminal()

    def work(session: Session) -> list[Batch]:
        return [meant(session.client, batch)] if batch else session.client.batches(RECENT)

    found = attend(read_environment(), terminal, work)
    if json:
        terminal.json(found[0].reply if batch else [one.reply for one in found])
    elif batch:
        _one(terminal, found[0])
    else:
        _table(terminal, found)


def _one(terminal: Terminal, batch: Batch) -> None:
    counts, cost = batch.counts, batch.cost
    states = ("queued", "dispatched", "running", "succeeded", "failed", "cancelled", "expired")
    standing = [f"{getattr(counts, one):,} {one}" for one in states if getattr(counts, one)]
    cap = "none" if cost.cap is None else money(cost.cap)
    left = "unknown" if batch.eta_seconds is None else duration(batch.eta_seconds)
    lines = {
        "batch": batch.id + (f" ({batch.name})" if batch.name else ""),
        "status": batch.standing,
        "jobs": f"{counts.total:,}: {', '.join(standing) or 'none yet'}",
        "images": f"{batch.images:,}, {batch.images_per_minute:.0f}/min",
        "cost": f"{money(cost.spent)} spent, {money(cost.reserved)} reserved, "
        f"{money(cost.at_risk)} at risk, budget {cap}",
        "left": "nothing" if batch.ended else left,
    }
    if step := next_step(batch):
        lines["next"] = step
    for word, value in lines.items():
        terminal.result(f"{word:8}{value}")


def _table(terminal: Terminal, batches: list[Batch]) -> None:
    if not batches:
        terminal.notice("there are no batches yet; darkroom run FILE --out DIR makes one")
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
