"""From the rows of a table to products: one for each SKU, whatever its rows repeat or leave out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from darkroom.catalogs.cells import cleaned
from darkroom.domain.problem import Problem
from darkroom.domain.request import blank
from darkroom.sheets import Row


@dataclass(frozen=True, slots=True)
class Product:
    """One SKU: the line where it begins, and its cells without markup."""

    sku: str
    line: int
    cells: dict[str, object]


def products(
    rows: Iterable[Row | Problem], column: str, *, fold: bool
) -> Iterator[Product | Problem]:
    """The products in the order of their first rows.

    With `fold`, rows of one SKU are one product: of every column the first cell that is not blank. All are
    then kept until the last row, which may belong to any of them. Else a SKU that comes twice is a problem.
    """
    found = (row if isinstance(row, Problem) else _product(row, column) for row in rows)
    return _folded(found) if fold else _single(found, column)


def _single(found: Iterable[Product | Problem], column: str) -> Iterator[Product | Problem]:
    lines: dict[str, int] = {}
    for one in found:
        if isinstance(one, Product) and lines.setdefault(one.sku, one.line) != one.line:
            yield _twice(lines[one.sku], one, column)
        else:
            yield one


def _folded(found: Iterable[Product | Problem]) -> Iterator[Product | Problem]:
    known: dict[str, Product] = {}
    for one in found:
        if isinstance(one, Problem):
            yield one
        elif (first := known.get(one.sku)) is None:
            known[one.sku] = one
        else:
            _fold(first, one)
    yield from known.values()


def _product(row: Row, column: str) -> Product | Problem:
    cells = cleaned(row.cells)
    sku = cells.get(column)
    if blank(sku):
        message = "this row has no SKU; write one, or take the row out"
        return Problem("sku_missing", message, line=row.line, column=column, value="")
    return Product(str(sku), row.line, cells)


def _fold(first: Product, more: Product) -> None:
    for name, value in more.cells.items():
        if blank(first.cells.get(name)):
            first.cells[name] = value


def _twice(first: int, second: Product, column: str) -> Problem:
    message = (
        f"the same SKU stands in line {first}; give it another, or write `fold = true` into the"
        " recipe if the rows are one product"
    )
    return Problem("sku_duplicate", message, line=second.line, column=column, value=second.sku)
