"""What somebody looks for in a batch, as it stands in a page's address, and one chunk of what there is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field

from darkroom.domain.job import OPEN, JobState
from darkroom.domain.request import unstorable
from darkroom.domain.review import ReviewState
from darkroom.store import contact_sheet
from darkroom.store.contact_sheet import Place, Wanted
from darkroom.store.insights import JobView
from darkroom.store.session import Connection

_PLACE = re.compile(r"([0-9]{1,9})-([0-9]{1,18})")


def _words(value: object) -> object:
    """Text that the record can be asked for; whatever else is no filter."""
    return value.strip() if isinstance(value, str) and not unstorable(value) else ""


Words = Annotated[str, BeforeValidator(_words), Field(max_length=200)]
_IF_CHOSEN = BeforeValidator(lambda value: value or None)
State = Annotated[JobState | None, _IF_CHOSEN]
Review = Annotated[ReviewState | None, _IF_CHOSEN]


class Asked(BaseModel):
    """A filter, and where to go on."""

    state: State = None
    q: Words = ""
    size: Words = ""
    review: Review = None
    after: str = Field("", max_length=40)

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.state, self.q, self.size, self.review)

    @property
    def place(self) -> Place | None:
        """Where the chunk begins; what is no place is the beginning.

        >>> Asked(after="7-12").place, Asked(after="x").place
        (Place(line=7, job_id=12), None)
        """
        found = _PLACE.fullmatch(self.after)
        return Place(int(found[1]), int(found[2])) if found else None

    def query(self, after: str | None = None) -> str:
        """The same filter in an address, from another place on.

        >>> Asked(q="a cat").query("7-12")
        '?q=a+cat&after=7-12'
        """
        parts = {**self.model_dump(exclude={"after"}), "after": after}
        return "?" + urlencode({name: value for name, value in parts.items() if value})


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some jobs in their order; `following` is the place after them, if anything may be there."""

    jobs: Sequence[JobView]
    following: str | None

    @property
    def moving(self) -> bool:
        """Whether any of them may still change."""
        return any(job.state in OPEN for job in self.jobs)


def chunk(connection: Connection, family: Sequence[UUID], asked: Asked, limit: int) -> Chunk:
    """The jobs of a batch that are asked for, so many at once."""
    sheet = contact_sheet.sheet(connection, family, asked.wanted, limit=limit, after=asked.place)
    place = sheet.following
    return Chunk(sheet.jobs, f"{place.line}-{place.job_id}" if place else None)
