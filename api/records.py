"""Rows about images, as CSV that no spreadsheet takes for anything else."""

import csv
from collections.abc import Sequence
from io import StringIO

from darkroom.domain.ids import BATCH, shown
from darkroom.store.insights import ImageView, JobView

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def columns(name: str) -> tuple[str, ...]:
    """The columns of a manifest; `name` is the one that says which image a row is about."""
    about = ("custom_id", name, "index", "sha256", "bytes", "width", "height", "format")
    asked = ("model", "quality", "size", "prompt")
    return (*about, *asked, "cost_usd", "request_id", "batch_id", "line")


def row(job: JobView, index: int, image: ImageView, name: str) -> tuple[object, ...]:
    """An image's row; what its job has cost stands in that of its first, so that the column adds up."""
    request = job.request
    return (
        harmless(job.custom_id),
        name,
        index,
        image.sha256,
        image.bytes,
        image.width,
        image.height,
        image.format,
        request.get("model"),
        request.get("quality"),
        request.get("size"),
        harmless(str(request.get("prompt", ""))),
        job.cost if index == 1 else "",
        job.request_id,
        shown(BATCH, job.batch_id),
        job.line,
    )


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection

    >>> harmless("=1+1"), harmless("a cat")
    ("'=1+1", 'a cat')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def written(rows: Sequence[Sequence[object]]) -> str:
    """These rows as lines of CSV."""
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
