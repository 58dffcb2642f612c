"""A batch's manifest: a row for each image, written as it is read."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from api.instruments import Instruments
from api.records import row, written
from darkroom.domain.attempt import Disposition
from darkroom.domain.ids import IMAGE, shown
from darkroom.domain.job import JobState
from darkroom.domain.manifest import columns
from darkroom.store import contact_sheet
from darkroom.store.contact_sheet import Place, Wanted
from darkroom.store.insights import JobView

AT_ONCE = 500
_MADE = Wanted(state=JobState.SUCCEEDED)


def manifest_of(tools: Instruments, family: Sequence[UUID]) -> Iterator[str]:
    """The lines of the manifest; no transaction is open while somebody reads slowly."""
    yield written([columns("image_id")])
    place: Place | None = None
    while True:
        with tools.transaction() as connection:
            found = contact_sheet.sheet(connection, family, _MADE, limit=AT_ONCE, after=place)
        yield written([one for job in found.jobs for one in _rows(job)])
        place = found.following
        if place is None:
            return


def _rows(job: JobView) -> Iterator[Sequence[object]]:
    """A row for each published image."""
    published = [image for image in job.images if image.disposition == Disposition.PUBLISHED]
    for number, image in enumerate(published, 1):
        yield row(job, number, image, f"{shown(IMAGE, image.attempt_id)}-{image.index}")
