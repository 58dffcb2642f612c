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

    With `fold`, rows of one SKU are one product: of every column the first cell that is not blank. Else
    a SKU that comes twice is a problem.
    """
    known: dict[str, Product] = {}
    for row in rows:
        found = row if isinstance(row, Problem) else _product(row, column)
        if isinstance(found, Problem):
            yield found
        elif (first := known.get(found.sku)) is None:
            known[found.sku] = found
        elif fold:
            _fold(first, found)
        else:
            yield _twice(first, found, column)
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


def _twice(first: Product, second: Product, column: str) -> Problem:
    message = (
        f"the same SKU stands in line {first.line}; give it another, or write `fold = true` into the"
        " recipe if the rows are one product"
    )
    return Problem("sku_duplicate", message, line=second.line, column=column, value=second.sku)
