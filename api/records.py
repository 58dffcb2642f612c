"""Rows about images, as CSV that no spreadsheet takes for anything else."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

from darkroom.domain import manifest
from darkroom.domain.ids import BATCH, shown
from darkroom.store.insights import ImageView, JobView

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def row(job: JobView, index: int, image: ImageView, name: str) -> tuple[object, ...]:
    """An image's row of the manifest, the callers' own words made harmless."""
    prompt = harmless(str(job.request.get("prompt", "")))
    tame = replace(
        job, custom_id=harmless(job.custom_id), request={**job.request, "prompt": prompt}
    )
    return manifest.row(tame, index, image, name, shown(BATCH, job.batch_id))


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
