"""The provider's invoice as a table: which calls of unknown outcome it has, and at what price."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from darkroom.cli.ending import CliError
from darkroom.cli.refused import Faulty
from darkroom.cli.report import listed
from darkroom.cli.source import Source
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import plural
from darkroom.domain.invoice import Verdict
from darkroom.domain.problem import BadInput, Problem
from darkroom.sheets import Row, read

NAMES = ("custom_id", "request_id")
COLUMNS = (*NAMES, "outcome", "cost")
DIGITS = 9
"""Behind the point, as the record keeps them."""


@dataclass(slots=True)
class Invoice:
    """The lines of an invoice that can be sent, each with its row, and what is wrong with the others."""

    name: str
    lines: list[Mapping[str, str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, source: Source) -> "Invoice":
        """Everything that a file says, the good and the bad."""
        invoice = cls(source.name)
        try:
            for row in read(source.path, filename=source.name):
                invoice._take(row)
        except BadInput as bad:
            invoice.problems += bad.problems
        return invoice

    def _take(self, row: Row | Problem) -> None:
        if isinstance(row, Problem):
            self.problems.append(row)
            return
        cells = {name: str(row.cells.get(name) or "").strip() for name in COLUMNS}
        found = list(_flaws(row, cells))
        self.problems += [flaw.at(row.line, cells["custom_id"] or None) for flaw in found]
        if not found:
            cost = cells["cost"].removeprefix("$")
            said = {**cells, "outcome": cells["outcome"].lower(), "cost": cost}
            self.lines.append({name: value for name, value in said.items() if value})
            self.rows.append(row)

    def require_good(self, terminal: Terminal) -> None:
        """Says what is wrong, line by line.

        Raises:
            CliError: something is, or there is nothing in it.
        """
        if self.problems:
            self._refuse(terminal, self.problems)
        if not self.lines:
            raise CliError(f"{self.name} has no line; nothing was changed")

    def refused(self, terminal: Terminal, faulty: Faulty) -> CliError:
        """What the API found wrong, in the places where it stands here."""
        placed = [self._placed(one) for one in faulty.faults if one.get("row")]
        if not placed:
            return faulty
        for line in listed(self.name, placed):
            terminal.notice(line)
        return _refusal(self.name, len(placed))

    def _placed(self, fault: Mapping[str, Any]) -> Problem:
        """The API's words begin with the column, which here stands before the value."""
        row, column = self.rows[fault["row"] - 1], str(fault["column"])
        value, words = str(row.cells.get(column) or ""), fault["detail"].removeprefix(f"{column}: ")
        return Problem(fault["code"], words, column=column, value=value).at(row.line)

    def _refuse(self, terminal: Terminal, problems: Sequence[Problem]) -> None:
        for line in listed(self.name, problems):
            terminal.notice(line)
        raise _refusal(self.name, len(problems))


def _refusal(name: str, number: int) -> CliError:
    are = "is" if number == 1 else "are"
    return CliError(
        f"{plural(number, 'mistake')} {are} in {name}; nothing was changed: correct them, then say it again"
    )


def _flaws(row: Row, cells: Mapping[str, str]) -> Iterator[Problem]:
    if "outcome" not in row.cells:
        yield Problem(
            "column_missing", "add it: billed or unbilled for each call", column="outcome"
        )
    elif cells["outcome"].lower() not in set(Verdict):
        fix = "write billed or unbilled"
        yield Problem("outcome_unknown", fix, column="outcome", value=cells["outcome"])
    if not any(cells[name] for name in NAMES):
        fix = "name the call here or in request_id"
        yield Problem("call_not_named", fix, column="custom_id", value="")
    if cells["cost"]:
        yield from _cost_flaws(cells)


def _cost_flaws(cells: Mapping[str, str]) -> Iterator[Problem]:
    given = cells["cost"]
    if cells["outcome"].lower() == Verdict.UNBILLED:
        fix = "what was not billed has no cost: leave it empty"
        yield Problem("cost_of_nothing", fix, column="cost", value=given)
    elif not is_amount(given.removeprefix("$")):
        fix = "write US dollars such as 0.0412, or leave it empty"
        yield Problem("cost_not_valid", fix, column="cost", value=given)


def is_amount(text: str) -> bool:
    """Whether this is an amount of money that the record can keep.

    >>> is_amount("0.0412"), is_amount("0"), is_amount("1e-10"), is_amount("a lot")
    (True, False, False, False)
    """
    try:
        amount = Decimal(text)
        fits = amount.is_finite() and amount == amount.quantize(Decimal(1).scaleb(-DIGITS))
    except InvalidOperation:
        return False
    return fits and Decimal(0) < amount < Decimal(10) ** DIGITS
