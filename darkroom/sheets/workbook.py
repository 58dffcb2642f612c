"""Excel workbooks: the first visible sheet that has a header, cells as a person sees them."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from darkroom.domain.problem import Problem
from darkroom.sheets.archive import damaged, require_workbook
from darkroom.sheets.header import Record, rows
from darkroom.sheets.row import Row, refused

Cell = str | bool | float | dt.datetime | dt.date | dt.time | dt.timedelta


def read_workbook(path: Path) -> Iterator[Row | Problem]:
    """The rows of a workbook's first visible sheet that holds anything; `line` is the sheet's row number.

    The sheet is held in memory as a whole, within the limits of `archive`.

    Raises:
        BadInput: damaged, too large, protected, or without a header and a row.
    """
    require_workbook(path)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheet = _first_filled(workbook)
    except CalamineError as error:
        raise damaged(error) from error
    if sheet is None:
        raise refused("empty_file", "the file is empty: no visible sheet holds a cell; fill one in")
    yield from rows(_records(sheet))


def _first_filled(workbook: CalamineWorkbook) -> CalamineSheet | None:
    for index, about in enumerate(workbook.sheets_metadata):
        if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible:
            sheet = workbook.get_sheet_by_index(index)
            if sheet.start is not None:
                return sheet
    return None


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [shown(cell) for cell in cells]


def shown(cell: Cell) -> str:
    """A cell's value as a person reads it, dates and times as ISO 8601.

    >>> shown(12345.0), shown(0.1 + 0.2), shown(True), shown(dt.date(2026, 3, 1))
    ('12345', '0.3', 'true', '2026-03-01')
    """
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int() | float():
            return _number(cell)
        case dt.timedelta():
            return str(cell)
        case _:
            return cell.isoformat()


def _number(value: float) -> str:
    """Fifteen digits, which is what Excel itself shows at most, and never an exponent."""
    text = f"{Decimal(f'{value:.15g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
