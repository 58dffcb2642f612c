"""Estimating: a look at a file or at rows as ingest will look at them; nothing is kept and nothing spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

from api.instruments import Instruments
from api.refusals import Missing
from api.submission import ROWS_NAME, Default, Row, Submission, jsonl, known_defaults
from darkroom.domain.batchfile import Draft
from darkroom.domain.ids import FILE, shown
from darkroom.domain.limit import Limits
from darkroom.sheets.lint import Look, Verdict, lint
from darkroom.store import files
from darkroom.store.session import now_at


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be estimated beside the rows themselves; `each` wants the price of every row."""

    defaults: Mapping[str, Default]
    template: str | None = None
    each: bool = False
    provider: str | None = None
    """By whose facts; nothing: by those of the project's own provider."""
    files: Mapping[str, str] | None = None
    """The files that stand for the paths in the rows, by those paths."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict, and the good rows where they were asked for."""

    verdict: Verdict
    drafts: Sequence[Draft]
    limits: Limits | None
    """Of the provider that would draw them."""


def estimate(
    tools: Instruments, project_id: str, source: UUID | Sequence[Row], question: Question
) -> Finding:
    """Looks at an uploaded file or at rows.

    Raises:
        Invalid: A default is none, or the project may not ask for this provider.
        Missing: The project has no such file.
    """
    if not isinstance(source, UUID):
        with NamedTemporaryFile(prefix="darkroom-") as spool:
            spool.write(jsonl(source))
            spool.flush()
            return _look(tools, project_id, Path(spool.name), ROWS_NAME, question)
    with tools.transaction() as connection:
        file = files.get(connection, source, project_id)
    if file is None:
        raise Missing("file", shown(FILE, source))
    with tools.blobs.local(file.sha256) as path:
        return _look(tools, project_id, path, file.filename, question)


def rehearse(
    tools: Instruments, project_id: str, source: UUID | Sequence[Row], asked: Submission
) -> tuple[Finding, str]:
    """What a submission would meet, and who would draw it.

    Raises:
        Invalid: Something in it is of no use.
        Missing: The project has no such file.
    """
    with tools.transaction() as connection:
        asked.options(now_at(connection))
    provider = tools.projects.provider(project_id, asked.provider)
    question = Question(asked.defaults or {}, asked.template, provider=provider, files=asked.files)
    return estimate(tools, project_id, source, question), provider


def _look(
    tools: Instruments, project_id: str, path: Path, name: str, question: Question
) -> Finding:
    drafts: list[Draft] = []
    models = tools.models_of(project_id, question.provider)
    known = known_defaults(question.defaults)
    defaults = {key: value for key, value in known.items() if value is not None}
    judge = partial(tools.lookout.judge, uploaded=question.files or ())
    look = Look(path, name, defaults, question.template, judge=judge)
    watch = drafts.append if question.each else None
    return Finding(lint(look, models, watch), drafts, models.limits)
