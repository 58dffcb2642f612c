"""The plan of a night: every item that the table and the recipe ask for, each as a row of a batch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from darkroom import sheets
from darkroom.catalogs.products import Product, products
from darkroom.catalogs.recipe import Recipe
from darkroom.catalogs.shape import shape_of
from darkroom.catalogs.variants import Variant
from darkroom.domain.problem import BadInput, Problem
from darkroom.sheets import Row, Template

SKU, VARIANT = "x_sku", "x_variant"
"""The columns of a plan that name the item; `x_` says that they are no parameters."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One item: the line of the table where its product begins, and its row."""

    line: int
    row: Mapping[str, Any]

    def json(self) -> bytes:
        """The row as a line of a JSONL file."""
        return orjson.dumps(self.row) + b"\n"


def plan(recipe: Recipe, table: Path) -> Iterator[Planned | Problem]:
    """The items of a table, one for each take of each variant of each product.

    Raises:
        BadInput: a template does not compile, or a column that the recipe names is not there.
        OSError: the table cannot be read.
    """
    templates = {name: _compiled(name, text) for name, text in recipe.templates.items()}
    columns = _columns(table)
    shape = shape_of(columns)
    sku = recipe.sku or shape.sku
    _require_columns(recipe, sku, columns)
    assert sku
    fold = shape.fold if recipe.fold is None else recipe.fold
    for product in products(sheets.read(table), sku, fold=fold):
        if isinstance(product, Problem):
            yield product
            continue
        for variant in recipe.variants:
            if not variant.skips(product.cells):
                yield from _takes(recipe, templates[variant.template], product, variant)


def _compiled(name: str, text: str) -> Template:
    try:
        return Template.compile(text)
    except BadInput as error:
        where = f"templates.{name}" if name else "template"
        raise BadInput([Problem(p.code, p.message, column=where) for p in error.problems]) from None


def _columns(table: Path) -> dict[str, None]:
    """The columns of the first row; JSON lines may have more in others."""
    first = next((row for row in sheets.read(table) if isinstance(row, Row)), None)
    if first is None:
        raise BadInput([Problem("no_rows", "no row of the table can be read; correct its first")])
    return dict.fromkeys(first.cells)


def _require_columns(recipe: Recipe, sku: str | None, columns: Mapping[str, None]) -> None:
    there = ", ".join(columns)
    faults = []
    if sku is None:
        faults.append(("sku", f"say which column names the products: sku = …, one of {there}"))
    elif sku not in columns:
        faults.append(("sku", f"there is no column {sku!r}; use one of {there}"))
    faults += [
        (f"images.{name}", f"there is no column {column!r}; use one of {there}")
        for name, column in recipe.images.items()
        if column not in columns
    ]
    for axis in {axis for variant in recipe.variants for axis in variant.cells}:
        if axis in columns:
            faults.append((f"variants.{axis}", "the table has a column of this name; rename one"))
    if faults:
        raise BadInput([Problem("recipe_value", text, column=key) for key, text in faults])


def _takes(
    recipe: Recipe, template: Template, product: Product, variant: Variant
) -> Iterator[Planned | Problem]:
    prompt = template.render({**product.cells, **variant.cells})
    if isinstance(prompt, Problem):
        yield prompt.at(product.line, product.sku)
        return
    for take in range(1, recipe.takes + 1):
        name = variant.name if recipe.takes == 1 else f"{variant.name}-{take}"
        yield Planned(product.line, _row(recipe, product, name, " ".join(prompt.split())))


def _row(recipe: Recipe, product: Product, variant: str, prompt: str) -> dict[str, Any]:
    row = {
        "custom_id": f"{product.sku}/{variant}",
        SKU: product.sku,
        VARIANT: variant,
        "prompt": prompt,
        **recipe.parameters,
    }
    images = {name: product.cells.get(column) for name, column in recipe.images.items()}
    return row | {name: value for name, value in images.items() if value not in {None, ""}}
