"""The main job in one command: a prompt list in, images on disk."""

import shlex
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from darkroom.cli import hours, options
from darkroom.cli.batchid import short
from darkroom.cli.bringing import fetched, prepare
from darkroom.cli.caller import command, program
from darkroom.cli.ending import CliError, Exit, status_of
from darkroom.cli.environment import Environment, read_environment
from darkroom.cli.facts import models_today
from darkroom.cli.options import Drawing, Submission
from darkroom.cli.pictures import Pictures, lookout_of
from darkroom.cli.places import Places
from darkroom.cli.replies import Batch
from darkroom.cli.report import announce
from darkroom.cli.session import Session, Visit, attend
from darkroom.cli.source import STDIN, Source, opened
from darkroom.cli.stack import Staff
from darkroom.cli.summary import summary
from darkroom.cli.terminal import Terminal
from darkroom.cli.watch import followed
from darkroom.domain.batch import BatchStatus
from darkroom.domain.figures import money, plural
from darkroom.sheets.lint import lint

OTHERS_LOOKED_AT = 100
OTHERS_NAMED = 5


def run(
    file: options.File,
    out: Annotated[Path, typer.Option(help="Where the images go.", show_default=False)],
    *,
    model: options.Model = None,
    size: options.Size = None,
    quality: options.Quality = None,
    output_format: options.Format = None,
    n: options.Count = None,
    template: options.Template = None,
    budget: options.Budget = None,
    deadline: options.Deadline = None,
    window: options.Hours = None,
    timezone: options.Timezone = None,
    priority: options.Priority = None,
    name: options.Name = None,
    provider: options.Provider = None,
    skip_bad_rows: options.SkipBadRows = False,
    on_moderation: options.OnModeration = None,
    check: options.Check = False,
    reroll: options.Reroll = 0,
    reroll_budget: options.RerollBudget = None,
    again: Annotated[bool, typer.Option("--again", help="Make all images anew.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for the end.")] = False,
) -> None:
    """Make an image of every prompt.

    Example: darkroom run prompts.csv --out images --size 1024x1024 --quality low

    FILE is a prompt list or a table with a column `prompt`; the images are put into the directory OUT.
    The same command again goes on where it stopped, and pays nothing for what is made. Without a running
    stack it starts one for itself. With DARKROOM_API_URL and DARKROOM_API_KEY it uses an API elsewhere.
    Ctrl-C keeps what is made and says how to go on.
    Exit status: 0 all images made, 1 finished with failures, 2 refused before spending, 3 stopped.
    """
    terminal, environment, zone = Terminal(), read_environment(), hours.zone(timezone)
    drawing = Drawing.of(
        model=model, size=size, quality=quality, output_format=output_format, n=n, template=template
    )
    submission = Submission(
        drawing=drawing,
        skip_bad_rows=skip_bad_rows,
        on_moderation=on_moderation,
        name=options.called(name, file),
        budget=options.dollars(budget),
        deadline=hours.moment(deadline, datetime.now(UTC), zone),
        window=hours.window(window, zone),
        priority=priority,
        provider=provider,
        checks=options.checks_of(reroll, reroll_budget, check=check),
        again=again,
    )
    raise typer.Exit(_produce(terminal, environment, file, out, submission, detach=detach))


def _produce(
    terminal: Terminal,
    environment: Environment,
    file: str,
    out: Path,
    submission: Submission,
    *,
    detach: bool,
) -> Exit:
    """Looks at the list, says what it will cost, and sees to it that its images come."""
    with opened(file) as source:
        pictures = Pictures(source.folder, lookout_of(environment))
        look = submission.drawing.look(source, pictures.judge)
        verdict = lint(look, models_today(environment, submission.provider))
        announce(terminal, source.name, verdict, skip_bad_rows=submission.skip_bad_rows)
        _warn(terminal, submission.budget, verdict.price.expected)
        prepare(out)
        places = Places(environment)
        production = Production(terminal, source, pictures, submission, out, places, detach=detach)
        visit = Visit(Staff.FULL, token_hex(8), not detach, lasting=True, leave=production.leave)
        production.focus = visit.focus
        return attend(environment, terminal, production.work, visit)


def _warn(terminal: Terminal, budget: Decimal | None, expected: Decimal) -> None:
    if budget is not None and budget < expected:
        terminal.notice(f"a budget of {money(budget)} will hardly do: it will pause")


@dataclass(slots=True)
class Production:
    """One run from submission to the files on disk; `batch_id` once there is a batch."""

    terminal: Terminal
    source: Source
    pictures: Pictures
    submission: Submission
    out: Path
    places: Places
    detach: bool = False
    focus: str | None = None
    batch_id: str | None = None

    def work(self, session: Session) -> Exit:
        """Submit, watch, fetch, and say how it went."""
        batch = self._submitted(session)
        self.batch_id = batch.id
        if self.detach:
            self.terminal.result(batch.id)
            return Exit.MADE
        if session.own:
            self._name_others(session, batch)
        ended = followed(session, self.terminal, batch)
        return self._told(session, ended)

    def _submitted(self, session: Session) -> Batch:
        """The batch of this file and these options: a new one, or the earlier one."""
        content = self.pictures.content(self.source.sha256())
        wanted = self.submission.remembered(content, sandbox=session.sandbox)
        files = self.pictures.uploaded(session.client)
        wanted = replace(wanted, focus=self.focus if session.own else None, files=files)
        file_id = session.client.upload(self.source)
        batch, attached = session.client.create(wanted, file_id)
        if attached:
            self.terminal.notice(self._met(batch))
        self.places.note(batch.id, self.out)
        if not attached or batch.ended:
            return batch
        return session.client.granted(batch, wanted.budget)

    def _met(self, batch: Batch) -> str:
        """That this list is known, where its images are, and what is paid."""
        before = self.places.of(batch.id)
        if before is None or before == self.out.absolute():
            done = f"batch {batch.id} is already finished: nothing to pay"
            return done if batch.ended else f"going on with batch {batch.id}"
        known = f"this list was made as {batch.id} into {before}"
        if not batch.ended:
            known = f"this list is being made as {batch.id} into {before}; going on with that"
        return f"{known}: its images are copied into {self.out}, nothing is paid twice; --again makes new ones"

    def _name_others(self, session: Session, batch: Batch) -> None:
        ours = {batch.id, *batch.reply["retries"]}
        others = [
            short(one.id)
            for one in session.client.batches(OTHERS_LOOKED_AT)
            if not one.ended and one.id not in ours
        ]
        if others:
            named = ", ".join(others[:OTHERS_NAMED]) + (" …" if others[OTHERS_NAMED:] else "")
            verb, those = ("is", "it") if len(others) == 1 else ("are", "them")
            number = plural(len(others), "other batch")
            self.terminal.notice(
                f"{number} {verb} unfinished: {named}; `{command('up')}` goes on with {those}"
            )

    def _told(self, session: Session, ended: Batch) -> Exit:
        """Brings its images and says what happened; how the command ends."""
        status = status_of(ended)
        happened, *rest = summary(ended, sandbox=session.sandbox)
        self.terminal.result(happened)
        if ended.status is not BatchStatus.FAILED:
            brought = fetched(session, ended, self.out)
            status = brought.ending(status)
            for line in brought.notices():
                self.terminal.notice(line)
            self.terminal.result(str(brought))
        for line in rest or [f"next: {_after(session)}"]:
            self.terminal.result(line)
        return status

    def leave(self, session: Session) -> str:
        """Hold the batch if its stack ends with this command; say what is made and how to go on."""
        if self.batch_id is None:
            return "interrupted before anything was submitted"
        session.hold(self.batch_id)
        if session.own:
            self.terminal.notice("finishing the calls in flight; Ctrl-C again stops at once")
        self._count(session, self.batch_id)
        back = way_back(sys.argv)
        if session.own:
            return f"batch {self.batch_id} is held; to go on: {back}"
        return f"batch {self.batch_id} goes on; to come back: {back}"

    def _count(self, session: Session, batch_id: str) -> None:
        try:
            batch = session.client.batch(batch_id)
        except CliError:  # an API that is away shall not keep the way back from being told
            return
        made = f"{batch.counts.succeeded:,} of {plural(batch.counts.total, 'prompt')} made"
        leaving, flying = batch.counts.dispatched, batch.counts.running
        more = f", {plural(flying, 'call')} in flight" if flying else ""
        more += f", {leaving:,} more may leave yet" if leaving and session.own else ""
        fetch = command("fetch", batch_id, "--out", str(self.out))
        self.terminal.notice(f"so far {made}, {money(batch.cost.spent)} spent{more}")
        self.terminal.notice(f"what is made is kept; to bring it into {self.out}: {fetch}")


def _after(session: Session) -> str:
    if session.sandbox:
        return "set OPENAI_API_KEY and run the same command for a provider's images"
    return "the same command again pays nothing; with --again it makes them anew"


def way_back(argv: list[str]) -> str:
    """The command line that goes on with what this one began.

    >>> way_back(["/nowhere/darkroom", "run", "my list.csv", "--out", "x", "--again"])
    "/nowhere/darkroom run 'my list.csv' --out x"
    """
    words = [word for word in argv[1:] if word != "--again"]
    piped = "… | " if STDIN in words else ""
    return f"{piped}{program(argv[0])} {shlex.join(words)}"
