"""cancel, pause, resume, priority, retry: what a person tells a batch."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

import typer

from darkroom.cli.batchid import meant
from darkroom.cli.caller import command
from darkroom.cli.ending import CliError, Exit
from darkroom.cli.environment import read_environment
from darkroom.cli.options import Json, dollars, require_priority
from darkroom.cli.refused import Faulty
from darkroom.cli.replies import Batch
from darkroom.cli.session import Session, Visit, attend
from darkroom.cli.stack import Staff
from darkroom.cli.summary import to_go_on
from darkroom.cli.terminal import Terminal
from darkroom.cli.watch import followed
from darkroom.domain.batch import PausedReason
from darkroom.domain.figures import money, plural

BatchId = Annotated[str, typer.Argument(help="The batch's id, or its last digits.")]


Told = tuple[Batch, str]
"""A batch after what it was told, and that in a sentence."""


def _told(
    batch_id: str,
    tell: Callable[[Session, Batch], Told],
    staff: Staff = Staff.DESK,
    *,
    json: bool,
) -> None:
    terminal = Terminal()

    def work(session: Session) -> Told:
        return tell(session, meant(session.client, batch_id))

    batch, said = attend(read_environment(), terminal, work, Visit(staff, focus="nothing"))
    if json:
        terminal.json(batch.reply)
    else:
        terminal.result(said)


def cancel(batch: BatchId, *, json: Json = False) -> None:
    """End a batch.

    Example: darkroom cancel batch_019ab2c34d5e7f00a1b2c3d4e5f60718

    No new call is made; calls in flight are finished and paid for. Images that are made stay;
    `darkroom fetch` brings them.
    """

    def tell(session: Session, found: Batch) -> Told:
        told = session.client.cancel(found.id)
        if session.own:  # nobody else would finish it
            told = followed(session, Terminal(), told)
        return told, f"{told.id} is {told.standing}; {money(told.cost.spent)} spent"

    _told(batch, tell, Staff.FULL, json=json)


def pause(batch: BatchId, *, json: Json = False) -> None:
    """Make no new call until `resume`.

    Example: darkroom pause batch_019ab2c34d5e7f00a1b2c3d4e5f60718
    """

    def tell(session: Session, found: Batch) -> Told:
        told = session.client.pause(found.id)
        flying = told.counts.dispatched + told.counts.running
        return (
            told,
            f"{told.id} is paused; {plural(flying, 'call')} in flight or about to leave at most",
        )

    _told(batch, tell, json=json)


def resume(
    batch: BatchId,
    *,
    budget: Annotated[str | None, typer.Option(help="A new budget in US dollars.")] = None,
    json: Json = False,
) -> None:
    """Let a paused batch go on.

    Example: darkroom resume batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --budget 20

    One that waits for a budget needs one that has room for its next call. Exit status: 3 while it
    has none.
    """
    amount = dollars(budget)

    def tell(session: Session, found: Batch) -> Told:
        told = _resumed(session, found, amount)
        how = f"; it goes on in the next `{command('up')}`" if session.own else ""
        return told, f"{told.id} is resumed{how}"

    _told(batch, tell, json=json)


def _resumed(session: Session, found: Batch, amount: Decimal | None) -> Batch:
    try:
        return session.client.resume(found.id, amount)
    except Faulty as refused:
        if found.paused_reason != PausedReason.BUDGET:
            raise
        step = f"; {to_go_on(found)} goes on" if found.budget_needed else ""
        raise CliError(f"{refused}{step}", Exit.STOPPED) from None


def priority(
    batch: BatchId,
    number: Annotated[int, typer.Argument(help="-1000 to 1000; higher goes first.")],
    *,
    json: Json = False,
) -> None:
    """Put a batch before or behind the others.

    Example: darkroom priority batch_019ab2c34d5e7f00a1b2c3d4e5f60718 10

    It holds for the next call. A negative number is written after two dashes: -- -5.
    """
    require_priority(number, "priority")

    def tell(session: Session, found: Batch) -> Told:
        told = session.client.reprioritise(found.id, number)
        return told, f"{told.id} has priority {number}; higher ones go first"

    _told(batch, tell, json=json)


def retry(
    batch: BatchId,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these, with commas between: unknown, 5xx, rejected, or a class of errors.csv.",
            show_default=False,
        ),
    ] = None,
    *,
    budget: Annotated[
        str | None, typer.Option(help="A budget of its own, in US dollars.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Try again what failed; prints the id.

    Example: darkroom retry batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --only 5xx

    What failed or expired becomes a new batch within the budget of the first. Those that may
    have been paid for already are only tried again with --only unknown, and images that `darkroom
    review` has rejected are made anew, and paid for anew, with --only rejected. Words for --only:
    5xx (server_error, overloaded, outage), unknown (unknown_outcome, withheld, worker_lost), moderation,
    invalid_request, incomplete, poison, and the other classes that errors.csv names.
    """
    amount = dollars(budget)
    classes = [one.strip() for word in only or () for one in word.split(",") if one.strip()]
    terminal = Terminal()

    def work(session: Session) -> Batch:
        return session.client.retry(meant(session.client, batch).id, classes, amount)

    made = attend(read_environment(), terminal, work, Visit())
    if json:
        terminal.json(made.reply)
        return
    terminal.notice(f"{plural(made.counts.total, 'job')} again; {command('watch', made.id)}")
    terminal.result(made.id)
