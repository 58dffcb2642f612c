"""The pictures that the rows of a file name: each brought in and looked at once, before anything is spent."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from darkroom.domain.batchfile import Draft
from darkroom.domain.clock import HEARTBEAT
from darkroom.domain.problem import Problem
from darkroom.domain.reference import Box, Edit, Place, place_of
from darkroom.pictures import Picture, Seen, Sight, fitting, mask_of_box
from worker.origin import Origin
from worker.tools import Tools

HANDS = 8
"""Pictures that are brought in at once; each of them may take 50 MB of memory."""

LOOK_UP_SECONDS = 1.0


class Stopping(Exception):  # noqa: N818 - nothing went wrong
    """This worker ends; another reads the file again."""


@dataclass(frozen=True, slots=True)
class Flawed:
    """A row that was not understood; its pictures are looked at all the same, to name all that is wrong."""

    line: int
    problems: tuple[Problem, ...]
    edit: Edit | None = None

    @property
    def custom_id(self) -> str | None:
        """What its problems call it."""
        return self.problems[0].custom_id

    def with_edit(self, edit: Edit) -> "Flawed":
        """The same row with these pictures."""
        return replace(self, edit=edit)


class Album:
    """The pictures of one file's rows.

    `hold` renews the right to read the file; it is called every few seconds, and raises once that is lost.
    """

    def __init__(self, tools: Tools, origin: Origin, hold: Callable[[], None]) -> None:
        self._tools, self._origin, self._hold = tools, origin, hold
        self._sights: dict[str, Sight] = {}
        self._masks: dict[tuple[int, int, Box], str] = {}
        self._held_at = tools.stopwatch()

    def settled(self, rows: Iterable[Draft | Flawed]) -> Iterator[Draft | tuple[Problem, ...]]:
        """The rows on pictures by their sha256; of each other row, everything that is wrong.

        Raises:
            Stopping: the worker was told to stop.
            StorageFailed: a picture could not be kept.
        """
        kept = [self._without_data(row) for row in rows]
        named = {one for row in kept if row.edit for one in row.edit.references}
        self._bring([one for one in named if one not in self._sights])
        for row in kept:
            self._renew()
            yield self._bound(row)

    def _renew(self) -> None:
        if self._tools.stopwatch() - self._held_at > HEARTBEAT.total_seconds():
            self._hold()
            self._held_at = self._tools.stopwatch()

    def _without_data(self, row: Draft | Flawed) -> Draft | Flawed:
        """The row with its data URLs kept as blobs: those of many rows would fill the memory."""
        if row.edit is None:
            return row
        self._renew()
        images = tuple(self._kept(one) for one in row.edit.images)
        mask = None if row.edit.mask is None else self._kept(row.edit.mask)
        return row.with_edit(replace(row.edit, images=images, mask=mask))

    def _kept(self, reference: str) -> str:
        if place_of(reference) is not Place.DATA:
            return reference
        sight = self._origin.sight(reference, {})
        content = sight.sha256 if isinstance(sight, Seen) else len(self._sights)
        name = f"{reference.partition(',')[0][:60]},{content}"
        self._sights[name] = sight
        return name

    def _bring(self, references: Collection[str]) -> None:
        """Looks at these references, several at a time."""
        if not references:
            return
        uploads = self._origin.uploads(references)
        hands = ThreadPoolExecutor(HANDS, "darkroom-pictures")
        try:
            coming = {one: hands.submit(self._origin.sight, one, uploads) for one in references}
            self._await(coming.values())
        finally:
            hands.shutdown(cancel_futures=True)
        self._sights |= {one: found.result() for one, found in coming.items()}

    def _await(self, coming: Iterable[Future[Sight]]) -> None:
        left = set(coming)
        while left:
            left = wait(left, timeout=LOOK_UP_SECONDS).not_done
            self._renew()
            if left and self._tools.draining.is_set():
                raise Stopping

    def _bound(self, row: Draft | Flawed) -> Draft | tuple[Problem, ...]:
        found = fitting(row.edit, self._sights.get) if row.edit else ()
        problems = tuple(one.at(row.line, row.custom_id) for one in found)
        if isinstance(row, Flawed):
            return (*row.problems, *problems)
        return problems or (row.with_edit(self._by_content(row.edit)) if row.edit else row)

    def _by_content(self, edit: Edit) -> Edit:
        seen = [one for name in edit.references if isinstance(one := self._sights[name], Seen)]
        images = tuple(one.sha256 for one in seen[: len(edit.images)])
        if edit.box:
            return Edit(images, self._mask(seen[0].picture, edit.box))
        return Edit(images, seen[-1].sha256 if edit.mask else None)

    def _mask(self, first: Picture, box: Box) -> str:
        key = (first.width, first.height, box)
        if key not in self._masks:
            self._masks[key] = self._tools.blobs.put(mask_of_box(*key))
        return self._masks[key]
