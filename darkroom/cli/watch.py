"""Follows a batch until it goes no further by itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from darkroom.cli.batchid import meant
from darkroom.cli.caller import command
from darkroom.cli.ending import Exit, status_of
from darkroom.cli.environment import read_environment
from darkroom.cli.options import Json
from darkroom.cli.replies import Batch
from darkroom.cli.session import Session, Visit, attend
from darkroom.cli.stack import Staff
from darkroom.cli.summary import summary
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import duration, money

POLL_SECONDS = 1.0
FIRST_POLLS = (0.2, 0.2, 0.4)
BAR_WIDTH = 16
SILENCE_SECONDS = 10.0
LINE_SECONDS = 10.0
LINE_SHARE = 0.05
"""Of all jobs; so many ended make a line of their own."""

See = Callable[[Batch], None]


def watch(
    batch: Annotated[str, typer.Argument(help="The batch's id, or its last digits.")],
    *,
    json: Json = False,
) -> None:
    """Show a batch's progress to its end.

    Example: darkroom watch batch_019ab2c34d5e7f00a1b2c3d4e5f60718

    Or until a person must act. Ctrl-C stops watching; the batch goes on. Exit status: 0 all
    images made, 1 finished with failures, 2 refused, 3 stopped or paused.
    """
    terminal = Terminal()

    def work(session: Session) -> Exit:
        found = meant(session.client, batch)
        if session.own and not found.at_rest:
            terminal.notice("this stack works on every unfinished batch as long as you watch")
        ended = followed(session, terminal, found)
        if json:
            terminal.json(ended.reply)
        else:
            for line in summary(ended, sandbox=session.sandbox):
                terminal.result(line)
        return status_of(ended)

    def leave(session: Session) -> str:
        goes_on = "stays as it is" if session.own else "goes on"
        return f"the batch {goes_on}; to come back: {command('watch', batch)}"

    visit = Visit(Staff.FULL, leave=leave)
    raise typer.Exit(attend(read_environment(), terminal, work, visit))


def followed(session: Session, terminal: Terminal, batch: Batch) -> Batch:
    """The batch as it is when it goes no further by itself.

    Raises:
        Interrupted: a signal came.
    """
    trouble = Trouble(session, terminal)
    with _seen(terminal) as see:
        for pause in _pauses():
            see(batch)
            if batch.at_rest:
                return batch
            trouble.look(batch)
            session.wait(pause)
            batch = session.client.batch(batch.id)
    raise AssertionError("the pauses do not end")


class Trouble:
    """Says why, when a batch has made nothing for a while: a silent night is the worst of all."""

    def __init__(self, session: Session, terminal: Terminal) -> None:
        self._session, self._terminal = session, terminal
        self._open: int | None = None
        self._since = monotonic()
        self._said = ""

    def look(self, batch: Batch) -> None:
        """Looks at what stands in the way once nothing has ended for so long, and says it once."""
        if batch.counts.open != self._open:
            self._open, self._since = batch.counts.open, monotonic()
        if monotonic() - self._since < SILENCE_SECONDS:
            return
        self._since = monotonic()
        job = self._session.client.waiting_job(batch.id)
        failure = (job.failure if job else None) or {}
        reason = "; ".join(batch.waiting) or str(failure.get("message", ""))
        if reason and reason != self._said:
            self._terminal.notice(f"waiting: {reason}; it is tried again by itself")
            self._said = reason


def _pauses() -> Iterator[float]:
    yield from FIRST_POLLS
    while True:
        yield POLL_SECONDS


@contextmanager
def _seen(terminal: Terminal) -> Iterator[See]:
    """Shows each new state of a batch: as a bar to who watches, as a line now and then to a log."""
    if not terminal.live:
        yield Lines(terminal).see
        return
    columns = (BarColumn(BAR_WIDTH), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=terminal.err, transient=True) as progress:
        task = progress.add_task("", total=None)

        def see(batch: Batch) -> None:
            done = batch.counts.total - batch.counts.open
            total = batch.counts.total or None
            progress.update(task, completed=done, total=total, description=described(batch))

        yield see


class Lines:
    """Progress for a log: a line when some part more is done, or after a while if anything is new."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._since = monotonic()
        self._done: int | None = None
        self._said = ""

    def see(self, batch: Batch) -> None:
        """Tell of this state if it is time to; of the last one the summary tells."""
        done = batch.counts.total - batch.counts.open
        if self._done is None:
            self._done = done
        far = done - self._done >= max(1, batch.counts.total * LINE_SHARE)
        late = monotonic() - self._since >= LINE_SECONDS and described(batch) != self._said
        if batch.at_rest or not (far or late):
            return
        self._done, self._since, self._said = done, monotonic(), described(batch)
        self._terminal.notice(self._said)


def described(batch: Batch) -> str:
    """A batch's progress in at most sixty characters or so."""
    counts = batch.counts
    if not counts.total:
        return batch.standing
    parts = [f"{counts.succeeded:,}/{counts.total:,} made"]
    parts += [f"{counts.failed:,} failed"] if counts.failed else []
    parts += [f"{counts.running:,} in flight", f"{batch.images_per_minute:.0f}/min"]
    parts += [money(batch.cost.spent)]
    if batch.waits_for_person:
        parts += [batch.standing]
    elif batch.eta_seconds:
        parts += [f"{duration(batch.eta_seconds)} left"]
    return " · ".join(parts)
