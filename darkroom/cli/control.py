"""cancel, pause, resume, retry: what a person tells a batch."""

from collections.abc import Callable
from typing import Annotated

import typer

from darkroom.cli.batchid import meant
from darkroom.cli.environment import read_environment
from darkroom.cli.figures import money, plural
from darkroom.cli.options import dollars
from darkroom.cli.replies import Batch
from darkroom.cli.session import Session, Visit, attend
from darkroom.cli.stack import Staff
from darkroom.cli.terminal import Terminal
from darkroom.cli.watch import followed

BatchId = Annotated[str, typer.Argument(help="The batch's id, or its last digits.")]


def _told(batch_id: str, tell: Callable[[Session, Batch], str], staff: Staff = Staff.DESK) -> None:
    terminal = Terminal()

    def work(session: Session) -> str:
        return tell(session, meant(session.client, batch_id))

    terminal.result(attend(read_environment(), terminal, work, Visit(staff, focus="nothing")))


def cancel(batch: BatchId) -> None:
    """End a batch.

    Example: darkroom cancel batch_019ab2c34d5e7f00a1b2c3d4e5f60718

    No new call is made; calls in flight are finished and paid for. Images that are made stay;
    `darkroom fetch` brings them.
    """

    def tell(session: Session, found: Batch) -> str:
        told = session.client.cancel(found.id)
        if session.own:  # nobody else would finish it
            told = followed(session, Terminal(), told)
        return f"{told.id} is {told.status.value}; {money(told.cost.spent)} spent"

    _told(batch, tell, Staff.FULL)


def pause(batch: BatchId) -> None:
    """Make no new call until `resume`.

    Example: darkroom pause batch_019ab2c34d5e7f00a1b2c3d4e5f60718
    """

    def tell(session: Session, found: Batch) -> str:
        told = session.client.pause(found.id)
        flying = told.counts.dispatched + told.counts.running
        return f"{told.id} is paused; {plural(flying, 'call')} in flight end by themselves"

    _told(batch, tell)


def resume(
    batch: BatchId,
    budget: Annotated[str | None, typer.Option(help="A new budget in US dollars.")] = None,
) -> None:
    """Let a paused batch go on.

    Example: darkroom resume batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --budget 20
    """
    amount = dollars(budget)

    def tell(session: Session, found: Batch) -> str:
        told = session.client.resume(found.id, amount)
        how = "; it goes on in the next `darkroom up` or `darkroom run`" if session.own else ""
        return f"{told.id} is resumed{how}"

    _told(batch, tell)


def retry(
    batch: BatchId,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these: unknown, 5xx, moderation, rate_limited, …", show_default=False
        ),
    ] = None,
) -> None:
    """Try again what failed; prints the id.

    Example: darkroom retry batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --only 5xx

    What failed or expired becomes a new batch within the budget of the first. Those that
    may have been paid for already are only tried again with --only unknown.
    """
    classes = [one.strip() for word in only or () for one in word.split(",") if one.strip()]
    terminal = Terminal()

    def work(session: Session) -> Batch:
        return session.client.retry(meant(session.client, batch).id, classes)

    made = attend(read_environment(), terminal, work, Visit())
    terminal.notice(f"{plural(made.counts.total, 'job')} again; darkroom watch {made.id}")
    terminal.result(made.id)
