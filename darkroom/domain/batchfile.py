"""From the rows of an input file to the jobs of a batch: names, defaults, templates, and every row checked."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum, auto

from darkroom.domain.batchline import edit_in, endpoint_problems, flattened, line_problems, refused
from darkroom.domain.models import Models
from darkroom.domain.problem import BadInput, Problem
from darkroom.domain.reference import COLUMNS, Edit
from darkroom.domain.request import (
    ALIASES,
    PARAMETER_OF,
    PARAMETERS,
    Priced,
    Resolver,
    blank,
    unstorable,
)

CUSTOM_ID_LIMIT = 512
PRIORITY_LIMIT = 1000
LEAST_PADDING = 4
COLUMN_LIMIT = 16_384
"""As many as a workbook can have; JSON lines that all differ would fill the memory with their names."""
PICTURES_LIMIT = 16
"""No model takes more; a row that names more is refused without a look at them."""
_LOOKALIKE = 0.8
_DATA = "x_"
_OF_EDITS = frozenset(COLUMNS)
_RESERVED = frozenset({"custom_id", "priority", "method", "url", "body"})

Render = Callable[[Mapping[str, object]], "str | Problem"]
"""Makes the prompt of a row from its cells."""


class Naming(StrEnum):
    """Where the custom_ids of a file come from."""

    CUSTOM_ID = auto()
    SKU = auto()
    ID = auto()
    LINE = auto()


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look over a file tells: which columns, what names its rows, and how many were looked at."""

    rows: int
    last_line: int
    columns: tuple[str, ...]
    naming: Naming
    naming_column: str | None
    tabular: bool
    """Every row has the same columns, as a sheet has; JSON lines may differ."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One job to be: a row that was understood."""

    line: int
    custom_id: str
    priced: Priced
    priority: int

    @property
    def edit(self) -> Edit | None:
        """The pictures that it works on, if it is an edit."""
        return self.priced.edit

    def with_edit(self, edit: Edit) -> "Draft":
        """The same job on these pictures."""
        return replace(self, priced=replace(self.priced, edit=edit))


def survey(rows: Iterable[tuple[int, Mapping[str, object]]], *, alike: bool = False) -> Survey:
    """Looks over all rows once; a million of them cost a set of their ids' hashes and no more.

    Where rows are `alike`, as those of a sheet are, the first is enough if its columns say what names it.

    Raises:
        BadInput: more columns than `COLUMN_LIMIT`.

    >>> survey([(2, {"id": "7", "prompt": "a"}), (3, {"id": "7", "prompt": "b"})]).naming
    <Naming.LINE: 'line'>
    """
    columns: dict[str, None] = {}
    count, last_line, tabular = 0, 0, True
    ids: set[int] | None = set()
    for line, cells in rows:
        row = flattened(cells)
        if row.keys() != columns.keys():
            tabular = tabular and not count
            columns |= dict.fromkeys(row)
            _require_few(columns, line)
        count, last_line = count + 1, line
        if alike and _named(tuple(columns)):
            break
        ids = None if ids is None else _with_id(ids, row)
    unique = ids is not None and 0 < len(ids) == count
    naming, column = _naming(tuple(columns), ids_unique=unique)
    return Survey(count, last_line, tuple(columns), naming, column, tabular)


def _require_few(columns: Collection[str], line: int) -> None:
    if len(columns) > COLUMN_LIMIT:
        message = (
            f"up to this line there are {len(columns):,} different columns, more than {COLUMN_LIMIT:,};"
            " leave out those that no prompt needs"
        )
        raise BadInput([Problem("too_many_columns", message, line=line)])


def _with_id(ids: set[int], row: Mapping[str, object]) -> set[int] | None:
    column = _column(tuple(row), "id")
    value = str(row[column]).strip() if column is not None and row[column] is not None else ""
    if not value or hash(value) in ids:
        return None
    ids.add(hash(value))
    return ids


def _column(columns: tuple[str, ...], name: str) -> str | None:
    """The column of this name, whatever its case: `SKU` is a `sku`."""
    exact = [column for column in columns if column == name]
    return next(iter(exact or [column for column in columns if column.lower() == name]), None)


def _naming(columns: tuple[str, ...], *, ids_unique: bool) -> tuple[Naming, str | None]:
    if named := _named(columns):
        return named
    if ids_unique:
        return Naming.ID, _column(columns, "id")
    return Naming.LINE, None


def _named(columns: tuple[str, ...]) -> tuple[Naming, str] | None:
    """What names the rows, if their columns alone can tell."""
    for naming in (Naming.CUSTOM_ID, Naming.SKU):
        if column := _column(columns, naming.value):
            return naming, column
    return None


@dataclass(slots=True)
class Intake:
    """Turns rows into drafts, one by one, and remembers which custom_ids it has seen."""

    overview: Survey
    models: Models
    defaults: Mapping[str, object] = field(default_factory=dict)
    render: Render | None = None
    endpoint: str | None = None
    """Where every line must say that it goes; None lets rows be of any form."""
    _resolver: Resolver = field(init=False)
    _prompt_column: str | None = field(init=False)
    _lookalikes: Mapping[str, str] = field(init=False)
    """Columns that nobody reads, and the parameter that each was probably meant to be."""
    _extras: frozenset[str] = field(init=False)
    _names: dict[str, str] = field(init=False)
    """The parameter that a column's name means here."""
    _seen: dict[int, int] = field(default_factory=dict)
    """The line of each custom_id by its hash: 64 bits that tell a million apart."""

    def __post_init__(self) -> None:
        """Look up once what every row needs."""
        self._resolver = Resolver(self.models)
        self._extras = self.models.extras
        self._names = PARAMETER_OF | {name: name for name in self._extras}
        self._prompt_column = _column(self.overview.columns, "prompt")
        self._lookalikes = dict(self._found_lookalikes())
        if self._prompt_column is None:  # to say at once what else is wrong with its rows
            meant = (one for one, name in self._lookalikes.items() if name == "prompt")
            self._prompt_column = next(meant, None)

    def header_problems(self) -> tuple[Problem, ...]:
        """What is wrong with the columns that all rows share; of rows that differ, each says it for itself."""
        if not self.overview.tabular:
            return ()
        misspelt = (self._misspelt(one, one).at(1) for one in self._lookalikes)
        return (*self._missing_prompt(), *misspelt)

    def _missing_prompt(self) -> tuple[Problem, ...]:
        if self.render or self._prompt_column:
            return ()
        names = ", ".join(self.overview.columns[:20])
        first = self.overview.columns[0] if self.overview.columns else "name"
        message = (
            f"there is no column `prompt`; the columns are: {names}. "
            f"Name one `prompt`, or make the prompt with --template '{{{{ {first} }}}}'"
        )
        return (Problem("prompt_column_missing", message, line=1, column="prompt"),)

    def _found_lookalikes(self) -> Iterator[tuple[str, str]]:
        """A parameter's name in other letters, or nearly so, is not taken for data."""
        names = [*PARAMETERS, *ALIASES, *COLUMNS, "priority", "custom_id"]
        read = {*names, *_RESERVED, self._prompt_column, self.overview.naming_column}
        for column in self.overview.columns:
            if column in read or column.startswith(_DATA):
                continue
            lowered = column.strip().lower().replace(" ", "_").replace("-", "_")
            if close := get_close_matches(lowered, names, n=1, cutoff=_LOOKALIKE):
                yield column, close[0]

    def _misspelt(self, column: str, value: object) -> Problem:
        message = (
            f"unknown column; did you mean `{self._lookalikes[column]}`? "
            f"Rename it to that, or to {_DATA}{column} to keep it as data"
        )
        return Problem("column_unknown", message, column=column, value=str(value))

    def _misspelt_in(
        self, row: Mapping[str, object], known: Collection[str | None]
    ) -> list[Problem]:
        found = [one for one in self._lookalikes if one not in known and not blank(row.get(one))]
        return [self._misspelt(one, row[one]) for one in found]

    def draft(self, line: int, cells: Mapping[str, object]) -> Draft | tuple[Problem, ...]:
        """The job that this row asks for, or everything that is wrong with it."""
        row = flattened(cells)
        prompt = self._prompt(row)
        unmade = (prompt,) if isinstance(prompt, Problem) else ()
        custom_id = self._custom_id(line, row)
        nameless = _custom_id_problems(custom_id)
        priority, priority_problems = self._priority(row)
        priced = self._resolver.resolve(None if unmade else prompt, self._parameters(row))
        problems = [
            *line_problems(cells, self._extras),
            *endpoint_problems(cells, self.endpoint),
            *refused(row, self._extras),
            *unmade,
            *nameless,
            *priority_problems,
        ]
        if not isinstance(priced, Priced):
            known = {q.column for q in problems} | ({"prompt"} if unmade else set())
            problems += [p for p in priced if p.column not in known]
        if self._lookalikes and not self.overview.tabular:
            problems += self._misspelt_in(row, {one.column for one in problems})
        problems += self._duplicate(line, custom_id)
        if problems or not isinstance(priced, Priced):
            return tuple(one.at(line, None if nameless else custom_id) for one in problems)
        return Draft(line, custom_id, priced, priority)

    def edit_of(self, cells: Mapping[str, object]) -> Edit | None:
        """The pictures that a row names, whatever else is wrong with it; None if they cannot be told."""
        if not self.names_pictures:
            return None
        edit = edit_in(cells)
        return edit if edit and len(edit.images) <= PICTURES_LIMIT else None

    @property
    def has_prompts(self) -> bool:
        """Whether there is a prompt, or what makes one, in the columns that all rows share."""
        return not (self.overview.tabular and self._missing_prompt())

    @property
    def names_pictures(self) -> bool:
        """Whether some row may be an edit."""
        return not _OF_EDITS.isdisjoint(self.overview.columns)

    def _prompt(self, row: Mapping[str, object]) -> object:
        """The prompt as it was written or made, or the Problem of making it."""
        if self.render:
            return self.render(row)
        return None if self._prompt_column is None else row.get(self._prompt_column)

    def _parameters(self, row: Mapping[str, object]) -> dict[str, object]:
        given = {
            parameter: value
            for name, value in row.items()
            if (parameter := self._names.get(name)) and not blank(value)
        }
        return {**self.defaults, **given} if self.defaults else given

    def _priority(self, row: Mapping[str, object]) -> tuple[int, Sequence[Problem]]:
        value = row.get("priority")
        if blank(value):
            value = self.defaults.get("priority")
        return (0, ()) if value is None else _priority(value)

    def _custom_id(self, line: int, row: Mapping[str, object]) -> str:
        column = self.overview.naming_column
        value = row.get(column) if column is not None else None
        if self.overview.naming is Naming.LINE:
            return str(line).zfill(max(len(str(self.overview.last_line)), LEAST_PADDING))
        return "" if value is None else str(value).strip()

    def _duplicate(self, line: int, custom_id: str) -> list[Problem]:
        first = self._seen.setdefault(hash(custom_id), line)
        if first == line or not custom_id:
            return []
        message = f"the same custom_id stands in line {first}; each must be its own"
        column = self.overview.naming_column
        return [Problem("custom_id_duplicate", message, column=column, value=custom_id)]


def _custom_id_problems(custom_id: str) -> list[Problem]:
    if not custom_id:
        message = "this row has no custom_id; give it one, or leave the whole column out"
        return [Problem("custom_id_missing", message, column="custom_id", value="")]
    if len(custom_id) > CUSTOM_ID_LIMIT:
        message = f"is longer than {CUSTOM_ID_LIMIT} characters; shorten it"
        return [Problem("custom_id_too_long", message, column="custom_id", value=custom_id)]
    if unstorable(custom_id):
        message = "has a NUL or half a surrogate pair in it; remove it"
        return [Problem("custom_id_not_text", message, column="custom_id", value=ascii(custom_id))]
    return []


def _priority(value: object) -> tuple[int, Sequence[Problem]]:
    text = str(value).strip() or "0"
    digits = text.removeprefix("-")
    short = digits.isascii() and digits.isdigit() and len(digits) <= len(str(PRIORITY_LIMIT))
    if short and int(digits) <= PRIORITY_LIMIT:
        return int(text), ()
    message = (
        f"must be a whole number from -{PRIORITY_LIMIT} to {PRIORITY_LIMIT}; higher goes first"
    )
    return 0, [Problem("value_not_allowed", message, column="priority", value=text)]
