"""What a row alone tells of the pictures that it names, before anybody goes out for them."""

import threading
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import assert_never

from darkroom.domain.problem import Problem
from darkroom.domain.reference import Edit, Place, place_of, stray_paths
from darkroom.fetching import Guard, blocked
from darkroom.pictures import NotAPicture, Sight, decoded, fitting, look

LOOKING = 2
"""Pictures that are decoded at once; each of them may take 160 MB of memory."""


@dataclass(frozen=True, slots=True)
class Lookout:
    """Looks at references as ingest will, as far as that needs neither network nor storage."""

    guard: Guard
    _eyes: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(LOOKING))

    def sight(self, reference: str) -> Sight | None:
        """What a reference is; None where only a look behind it can tell."""
        match place_of(reference):
            case Place.DATA:
                return self._looked(reference)
            case Place.URL:
                failure = blocked(reference, self.guard)
                return NotAPicture(str(failure)) if failure else None
            case Place.FILE | Place.PATH:
                return None
            case _ as never:
                assert_never(never)

    def judge(self, edit: Edit, uploaded: Container[str] = ()) -> Iterator[Problem]:
        """What is wrong with the pictures of an edit that came over HTTP, its paths' files being `uploaded`."""
        sights = {one: self.sight(one) for one in edit.references}
        yield from stray_paths(edit, uploaded)
        yield from fitting(edit, sights.get)

    def _looked(self, data_url: str) -> Sight:
        data = decoded(data_url)
        if isinstance(data, NotAPicture):
            return data
        with self._eyes:
            return look(data)
