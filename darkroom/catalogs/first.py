"""The first recipe of a table, written by looking at its columns."""

from collections.abc import Iterable
from pathlib import PurePath

from darkroom.catalogs.shape import Shape, shape_of

RECIPE = "catalog.toml"


def first_recipe(table: str, columns: Iterable[str]) -> str:
    r"""A recipe that makes one image of each product, without a reference that would be paid for.

    >>> print(first_recipe("shop.csv", ["Handle", "Title", "Type", "Image Src"]).splitlines()[0])
    name = "shop"
    """
    names = list(columns)
    shape = shape_of(names)
    return "\n".join(
        (
            f"name = {_quoted(PurePath(table).stem)}",
            f"table = {_quoted(table)}",
            *_sku(shape, names),
            "",
            "# Jinja; every column can be used: {{ name }}, or {{ row['Name of two words'] }}.",
            f"template = {_quoted(_template(shape))}",
            "",
            "# Where the images are put: current/<sku>/<variant>.<ext> in this directory.",
            'directory = "published"',
            "# A night is published by itself if this share of all items shows what it should after it.",
            "threshold = 0.95",
            "",
            "[parameters]",
            'model = "gpt-image-2"',
            'quality = "low"',
            'size = "1024x1024"',
            *_variants(),
            *_images(shape),
            *_checks(),
            "",
        )
    )


def _sku(shape: Shape, columns: list[str]) -> list[str]:
    if shape.sku is None:
        return [f"sku = {_quoted(columns[0])}  # the column that names a product: is it this one?"]
    folded = ["fold = true  # rows of one product are one product"] if shape.fold else []
    return [f"sku = {_quoted(shape.sku)}", *folded]


def _template(shape: Shape) -> str:
    title = _cell(shape.title or shape.sku) or "a product"
    kind = f", {_cell(shape.type)}" if shape.type else ""
    return f"Product photo of {title}{kind}, on a plain white background"


def _cell(column: str | None) -> str:
    if column is None:
        return ""
    return f"{{{{ {column} }}}}" if column.isidentifier() else f"{{{{ row['{column}'] }}}}"


def _variants() -> list[str]:
    return [
        "",
        "# Several images of each product: every combination of these lists, as {{ angle }} in the template.",
        "# [variants]",
        '# angle = ["front", "side"]',
        '# background = ["white", "oak"]',
        '# combine = "product"  # or "zip": the first of each, then the second of each',
        '# skip = [{ angle = "side", background = "oak" }]',
    ]


def _images(shape: Shape) -> list[str]:
    if not shape.images:
        return []
    return [
        "",
        "# With these the images are edits of the product's own picture, which is paid for as input.",
        "# [images]",
        *(f"# image = {_quoted(column)}" for column in shape.images),
    ]


def _checks() -> list[str]:
    return [
        "",
        "# What arrives is looked at: what is blank, or nearly another product's image, is never shown.",
        "# [checks]",
        "# reroll = 2  # make it anew, so many times at most",
        "# budget = 5  # and for so many US dollars of a night",
    ]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
