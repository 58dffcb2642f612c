"""What the options of `run`, `submit` and `estimate` ask for, and how they travel."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from darkroom.cli.ending import CliError
from darkroom.cli.source import STDIN, Source
from darkroom.domain.batchfile import PRIORITY_LIMIT
from darkroom.domain.checking import REROLLS_LIMIT, Checks
from darkroom.domain.retry import OnModeration as OnRefusal
from darkroom.domain.window import Window
from darkroom.sheets.lint import Judge, Look

File = Annotated[
    str,
    typer.Argument(help="CSV, TSV, XLSX, Parquet, JSONL or text; - is stdin.", show_default=False),
]
Model = Annotated[str | None, typer.Option(help="The model, for rows that name none.")]
Size = Annotated[str | None, typer.Option(help="WIDTHxHEIGHT or auto.")]
Quality = Annotated[str | None, typer.Option(help="low, medium, high or auto.")]
Format = Annotated[str | None, typer.Option("--format", help="png, jpeg or webp.")]
Count = Annotated[int | None, typer.Option("--n", help="Images for each prompt.")]
Template = Annotated[
    str | None, typer.Option(help="Makes the prompt from columns: 'a {{ colour }} {{ title }}'.")
]
Budget = Annotated[str | None, typer.Option(help="Pause before this many US dollars are passed.")]
Deadline = Annotated[
    str | None,
    typer.Option(
        help="What has not begun by then is left: 06:00, 2026-11-23T06:00, or 8h from now."
    ),
]
Hours = Annotated[
    str | None, typer.Option("--window", help="Make calls between these times only: 22:00-06:00.")
]
Timezone = Annotated[
    str | None, typer.Option(help="Whose clocks --window and --deadline mean; this machine's.")
]
Priority = Annotated[int | None, typer.Option(help="-1000 to 1000; higher goes first.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Name = Annotated[
    str | None, typer.Option(help="What the batch is called; as its file, unless told.")
]
Provider = Annotated[
    str | None, typer.Option(help="Who draws it, of those that the project may ask.")
]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Go on without the rows that cannot be used.")
]
OnModeration = Annotated[
    OnRefusal | None,
    typer.Option("--on-moderation", help="low: try once more with moderation low what is refused."),
]
Check = Annotated[
    bool, typer.Option("--check", help="Look at what arrives: blank, doubled, not as asked.")
]
Reroll = Annotated[
    int,
    typer.Option(min=0, max=REROLLS_LIMIT, help="With --check: make those anew, so many times."),
]
RerollBudget = Annotated[
    str | None, typer.Option(help="With --reroll: the most that may cost, in US dollars.")
]


NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Drawing:
    """The defaults for all rows, by the names that the API gives them."""

    defaults: Mapping[str, str | int]
    template: str | None = None

    @classmethod
    def of(
        cls,
        *,
        model: str | None,
        size: str | None,
        quality: str | None,
        output_format: str | None,
        n: int | None,
        template: str | None,
    ) -> "Drawing":
        given = {
            "model": model,
            "size": size,
            "quality": quality,
            "output_format": output_format,
            "n": n,
        }
        return cls({name: value for name, value in given.items() if value is not None}, template)

    def look(self, source: Source, judge: Judge) -> Look:
        """A look at a file under these defaults, its problems told in the words of the options."""
        return Look(source.path, source.name, self.defaults, self.template, "--{}".format, judge)


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything that a new batch is made of, but its file."""

    drawing: Drawing
    skip_bad_rows: bool = False
    on_moderation: OnRefusal | None = None
    name: str | None = None
    budget: Decimal | None = None
    deadline: datetime | None = None
    window: Window | None = None
    priority: int | None = None
    fingerprint: str | None = None
    again: bool = False
    focus: str | None = None
    provider: str | None = None
    checks: Checks | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    """The ids of the files that were uploaded for the paths in the rows."""

    def __post_init__(self) -> None:
        """Raises CliError if the priority is out of range."""
        require_priority(self.priority or 0, "--priority")

    def body(self, file_id: str) -> dict[str, Any]:
        """The request that makes the batch."""
        choices: dict[str, Any] = {"provider": self.provider, "on_moderation": self.on_moderation}
        if self.window:
            choices |= {"window": self.window.hours, "timezone": self.window.zone.key}
        choices |= {"checks": asked_checks(self.checks)}
        chosen = {name: value for name, value in choices.items() if value is not None}
        return {
            "input_file_id": file_id,
            "name": self.name,
            "defaults": dict(self.drawing.defaults),
            "template": self.drawing.template,
            "skip_bad_rows": self.skip_bad_rows,
            "budget": None if self.budget is None else str(self.budget),
            "deadline": None if self.deadline is None else shown_time(self.deadline),
            "priority": self.priority,
            "fingerprint": self.fingerprint,
            "again": self.again,
            "focus": self.focus,
            "files": dict(self.files) or None,
            **chosen,
        }

    def remembered(self, file_sha256: str, *, sandbox: bool) -> "Submission":
        """This submission under a fingerprint: the same rows and parameters.

        What decides nothing about the images (destination, budget, deadline, name, priority) is left
        out: a second run with a higher budget goes on with the first one's batch, and one into another
        directory copies its images. The sandbox's placeholders are not taken for a provider's images.
        """
        drawing = {"defaults": dict(self.drawing.defaults), "template": self.drawing.template}
        drawn_by = [] if self.provider is None else [self.provider]
        known = json.dumps([file_sha256, drawing, sandbox, *drawn_by], sort_keys=True)
        return replace(self, fingerprint=hashlib.sha256(known.encode()).hexdigest())


def called(name: str | None, file: str) -> str | None:
    """What a batch is called: as somebody says, else as its file; what came through a pipe has no name.

    >>> called(None, "lists/shoes.csv"), called("Autumn", "lists/shoes.csv"), called(None, "-")
    ('shoes.csv', 'Autumn', None)
    """
    if name is not None or file == STDIN:
        return name
    return Path(file).name[-NAME_LENGTH:]


def checks_of(reroll: int, budget: str | None, *, check: bool) -> Checks | None:
    """What is to be looked at, and what is to become of what does not pass.

    Raises:
        CliError: something is to be paid for, and nobody said how much.
    """
    cap = dollars(budget)
    if (reroll or cap) and not check:
        raise CliError("--reroll makes anew what --check finds: add --check")
    if reroll and cap is None:
        raise CliError("--reroll pays: add --reroll-budget DOLLARS, the most it may cost")
    return Checks(reroll=reroll, budget=cap) if check else None


def asked_checks(checks: Checks | None) -> dict[str, Any] | None:
    """The same as the API is asked for it: whether it rejects goes without saying."""
    if checks is None:
        return None
    return {name: value for name, value in checks.as_json().items() if name != "rejects"}


def require_priority(priority: int, name: str) -> None:
    """Raises CliError if this is none, under the name that a person gave it."""
    if abs(priority) > PRIORITY_LIMIT:
        allowed = f"-{PRIORITY_LIMIT} to {PRIORITY_LIMIT}"
        raise CliError(f"{name} {priority} cannot be used; write {allowed}")


def shown_time(moment: datetime) -> str:
    """A moment as the API writes it.

    >>> shown_time(datetime(2026, 11, 23, 6, tzinfo=UTC))
    '2026-11-23T06:00:00Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def dollars(text: str | None) -> Decimal | None:
    """An amount of money from an option.

    Raises:
        CliError: it is none.

    >>> dollars("12.50"), dollars("$3")
    (Decimal('12.50'), Decimal('3'))
    """
    if text is None:
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise CliError(f"--budget {text!r} is no amount of money; write US dollars such as 12.50")
    return amount
