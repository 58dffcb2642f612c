"""One row of an input file, and the refusal of a whole file."""

from collections.abc import Mapping
from dataclasses import dataclass

from darkroom.domain.problem import BadInput, Problem, clipped


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it begins, and its cells by column, in the file's order.

    `line` counts from 1 as an editor does (in a workbook: the sheet's row number). Cells of CSV, TSV,
    XLSX and text are `str`; those of JSONL are the JSON values.
    """

    line: int
    cells: Mapping[str, object]


def refused(
    code: str,
    message: str,
    *,
    line: int | None = None,
    column: str | None = None,
    value: object = None,
) -> BadInput:
    """The refusal of a whole file for one reason.

    >>> str(refused("empty_file", "the file is empty"))
    'the file is empty'
    """
    shown = None if value is None else clipped(value)
    return BadInput([Problem(code, message, line=line, column=column, value=shown)])
