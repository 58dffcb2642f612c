"""Hands a file to the running stack and goes away."""

from dataclasses import replace
from datetime import UTC, datetime

from darkroom.cli import hours, options
from darkroom.cli.environment import read_environment
from darkroom.cli.facts import models_today
from darkroom.cli.options import Drawing, Submission
from darkroom.cli.pictures import Pictures, lookout_of
from darkroom.cli.replies import Batch
from darkroom.cli.report import announce
from darkroom.cli.session import Session, Visit, attend
from darkroom.cli.source import opened
from darkroom.cli.terminal import Terminal
from darkroom.sheets.lint import lint


def submit(
    file: options.File,
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
) -> None:
    """Submit a file and print the id.

    Example: darkroom submit prompts.csv --budget 12.50

    It becomes a new batch of the running stack: `darkroom up` starts one.
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
    )
    with opened(file) as source:
        pictures = Pictures(source.folder, lookout_of(environment))
        look = submission.drawing.look(source, pictures.judge)
        verdict = lint(look, models_today(environment, provider))
        announce(terminal, source.name, verdict, skip_bad_rows=skip_bad_rows)

        def work(session: Session) -> Batch:
            files = pictures.uploaded(session.client)
            wanted = replace(submission, files=files)
            return session.client.create(wanted, session.client.upload(source))[0]

        batch = attend(environment, terminal, work, Visit(start=False, lasting=True))
    terminal.result(batch.id)
