"""A batch's manifest: a row for each image, written as it is read."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from uuid import UUID

from api.instruments import Instruments
from darkroom.domain.attempt import Disposition
from darkroom.domain.ids import BATCH, IMAGE, shown
from darkroom.domain.job import JobState
from darkroom.store import contact_sheet
from darkroom.store.contact_sheet import Place, Wanted
from darkroom.store.insights import JobView

COLUMNS = (
    "custom_id", "image_id", "index", "sha256", "bytes", "width", "height", "format",
    "model", "quality", "size", "prompt", "cost_usd", "request_id", "batch_id", "line",
)  # fmt: skip
AT_ONCE = 500
_MADE = Wanted(state=JobState.SUCCEEDED)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def manifest_of(tools: Instruments, family: Sequence[UUID]) -> Iterator[str]:
    """The lines of the manifest; no transaction is open while somebody reads slowly."""
    yield _written([COLUMNS])
    place: Place | None = None
    while True:
        with tools.transaction() as connection:
            found = contact_sheet.sheet(connection, family, _MADE, limit=AT_ONCE, after=place)
        yield _written([row for job in found.jobs for row in _rows(job)])
        place = found.following
        if place is None:
            return


def _rows(job: JobView) -> Iterator[Sequence[object]]:
    """A row for each published image; what the job has cost stands in its first, so that the column adds up."""
    request = job.request
    published = [image for image in job.images if image.disposition == Disposition.PUBLISHED]
    for number, image in enumerate(published, 1):
        yield (
            _harmless(job.custom_id),
            f"{shown(IMAGE, image.attempt_id)}-{image.index}",
            number,
            image.sha256,
            image.bytes,
            image.width,
            image.height,
            image.format,
            request.get("model"),
            request.get("quality"),
            request.get("size"),
            _harmless(str(request.get("prompt", ""))),
            job.cost if number == 1 else "",
            job.request_id,
            shown(BATCH, job.batch_id),
            job.line,
        )


def _harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection

    >>> _harmless("=1+1"), _harmless("a cat")
    ("'=1+1", 'a cat')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(rows: Sequence[Sequence[object]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
