"""Reads an input file as ingest will, before anything is sent: what is wrong with it, what it will cost."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from darkroom.domain.batchfile import Draft, Intake, Survey, survey
from darkroom.domain.batchline import flattened
from darkroom.domain.estimate import Estimate
from darkroom.domain.figures import plural
from darkroom.domain.models import Models
from darkroom.domain.problem import BadInput, Problem
from darkroom.domain.reference import Edit
from darkroom.domain.request import ALIASES, blank
from darkroom.sheets.read import read
from darkroom.sheets.row import Row
from darkroom.sheets.template import Template

KEPT = 1_000
"""Problems that are kept; the others are counted."""

LINES_NAMED = 3

SHOWN = 5
"""Good rows that are kept, to be shown as they will be drawn."""

Watch = Callable[[Draft], None]
"""Is shown every good row."""


Judge = Callable[[Edit], Iterable[Problem]]
"""What is wrong with the pictures of a row, as far as it can be told here."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at: a file under its name, the defaults of its rows, and what makes their prompts.

    `called` says how the reader of the verdict calls an option.
    """

    path: Path
    name: str
    defaults: Mapping[str, str | int]
    template: str | None = None
    called: Callable[[str], str] = str
    judge: Judge = lambda _: ()


@dataclass(slots=True)
class Lines:
    """The lines where something was met: how many, and the first of them."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < LINES_NAMED:
            self.first.append(line)

    def __str__(self) -> str:
        """As a person reads it.

        >>> str(Lines(7, [2, 3, 5])), str(Lines(1, [4]))
        ('7 rows: lines 2, 3, 5, …', '1 row: line 4')
        """
        named = ", ".join(map(str, self.first)) + (", …" if self.count > len(self.first) else "")
        return f"{plural(self.count, 'row')}: {'line' if self.count == 1 else 'lines'} {named}"


@dataclass(slots=True)
class Verdict:
    """What a look at a whole file found.

    `refused` if the file cannot be used at all, so that skipping its bad rows does not help. `price` is that
    of its good rows.
    """

    rows: int = 0
    bad_rows: int = 0
    refused: bool = False
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    sample: list[Draft] = field(default_factory=list)
    price: Estimate = field(default_factory=Estimate)
    gaps: dict[str, Lines] = field(default_factory=dict)
    """Where a column that the template uses is empty: no error, but hardly meant."""
    notices: dict[str, Lines] = field(default_factory=dict)
    """What to know of the models, and the rows that name them."""
    _causes: dict[Problem, Lines] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether every row can be used."""
        return not self.problems

    @property
    def good_rows(self) -> int:
        return self.rows - self.bad_rows

    def add(self, found: Draft | Sequence[Problem]) -> None:
        """Count one row."""
        self.rows += 1
        if isinstance(found, Draft):
            self.price.add(found.priced)
            if notice := found.priced.terms.notice:
                self.notices.setdefault(notice, Lines()).add(found.line)
            self.sample += [found] if len(self.sample) < SHOWN else []
            return
        self.bad_rows += 1
        new = [one for one in found if not self._is_repeated(one)]
        room = KEPT - len(self.problems)
        self.problems += new[:room]
        self.more_problems += max(0, len(new) - room)

    def _is_repeated(self, problem: Problem) -> bool:
        """Whether a template's problem has been met in another row: it is told once for all of them."""
        if not problem.code.startswith("template_") or problem.line is None:
            return False
        cause = replace(problem, line=None, custom_id=None)
        met = cause in self._causes
        self._causes.setdefault(cause, Lines()).add(problem.line)
        return met

    def gap(self, column: str, line: int) -> None:
        """Note an empty cell that the template uses."""
        self.gaps.setdefault(column, Lines()).add(line)

    def told(self) -> list[Problem]:
        """The problems, those of a template with the rows that they are met in."""
        return [self._counted(one) for one in self.problems]

    def _counted(self, problem: Problem) -> Problem:
        lines = self._causes.get(replace(problem, line=None, custom_id=None))
        if lines is None or lines.count == 1:
            return problem
        return replace(problem, message=f"{problem.message} (in {lines})")


def lint(look: Look, models: Models, watch: Watch | None = None) -> Verdict:
    """The verdict on a file under these defaults; reads it twice and keeps none of it but a few rows.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        template = _template(look)
        render = template.render if template else None
        overview = survey((row.line, row.cells) for row in _rows(look) if isinstance(row, Row))
        intake = Intake(overview, models, look.defaults, render)
        header = intake.header_problems() if overview.rows else ()
        if header and not intake.has_prompts:
            return Verdict(rows=overview.rows, refused=True, problems=list(header))
        return _under(header, _judged(look, intake, _used(template, overview), watch))
    except BadInput as error:
        return Verdict(refused=True, problems=list(error.problems))


def _under(header: Sequence[Problem], verdict: Verdict) -> Verdict:
    """The same, refused as a whole where something is wrong with the columns themselves."""
    if header:
        verdict.refused, verdict.problems = True, [*header, *verdict.problems]
    return verdict


def _template(look: Look) -> Template | None:
    if look.template is None:
        return None
    try:
        return Template.compile(look.template)
    except BadInput as error:
        column = look.called("template")
        named = [replace(one, column=column, line=None) for one in error.problems]
        raise BadInput(named) from None


def _used(template: Template | None, overview: Survey) -> list[str]:
    """The columns of this file that the template uses."""
    return [one for one in overview.columns if template and one in template.columns]


def _rows(look: Look) -> Iterator[Row | Problem]:
    return read(look.path, filename=look.name)


def _judged(look: Look, intake: Intake, used: Sequence[str], watch: Watch | None) -> Verdict:
    verdict = Verdict()
    for row in _rows(look):
        if isinstance(row, Row):
            _note_gaps(verdict, row, used)
        found = (row,) if isinstance(row, Problem) else _drafted(row, intake, look)
        if not isinstance(found, Draft) and (options := _of_options(found, intake, look)):
            return Verdict(rows=intake.overview.rows, refused=True, problems=options)
        verdict.add(found)
        if watch and isinstance(found, Draft):
            watch(found)
    verdict.problems = verdict.told()
    return verdict


def _drafted(row: Row, intake: Intake, look: Look) -> Draft | Sequence[Problem]:
    found = intake.draft(row.line, row.cells)
    edit = found.edit if isinstance(found, Draft) else intake.edit_of(row.cells)
    named = found.custom_id if isinstance(found, Draft) else found[0].custom_id
    problems = [one.at(row.line, named) for one in look.judge(edit)] if edit else []
    if not problems:
        return found
    return problems if isinstance(found, Draft) else [*found, *problems]


def _note_gaps(verdict: Verdict, row: Row, used: Sequence[str]) -> None:
    if not used:
        return
    cells = flattened(row.cells)
    for column in used:
        if blank(cells.get(column)):
            verdict.gap(column, row.line)


def _of_options(found: Sequence[Problem], intake: Intake, look: Look) -> list[Problem]:
    """Those problems that an option brought into every row, said once and without a line."""
    return [
        replace(one, column=look.called(_option(one.column)), line=None)
        for one in found
        if one.column is not None
        and one.column in look.defaults
        and not _has_column(intake.overview, one.column)
    ]


def _has_column(overview: Survey, name: str) -> bool:
    also = [alias for alias, meant in ALIASES.items() if meant == name]
    return not {name, *also, "model"}.isdisjoint(overview.columns)


def _option(name: str) -> str:
    return "format" if name == "output_format" else name
