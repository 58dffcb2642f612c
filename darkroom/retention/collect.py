"""Garbage collection: rows are given up first, bytes go when nothing has pointed to them for a while.

Killed at any point it leaves a list of addresses, which the next one goes through. Bytes are shared by whoever
stored the same, so that each address is looked up once more, in every table, just before it goes; and who
stores something that is there marks it as new, so that bytes without a row yet are left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from darkroom.blobs import BlobStore
from darkroom.domain.answer import RECEIPTS
from darkroom.domain.retention import Retention
from darkroom.store import retention as store
from darkroom.store.retention import Amount
from darkroom.store.session import Database, transaction

UNNAMED = timedelta(days=1)
"""For so long bytes may lie in the storage before the row is written that points to them."""

CHUNK = 500
"""Rows in one transaction, addresses in one look."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What was given up, and what went; `waiting` are addresses whose bytes go later."""

    images: int = 0
    files: int = 0
    answers: int = 0
    events: int = 0
    bytes: int = 0
    """That went from the storage; foreseen: of the images and files that would be given up."""
    waiting: int = 0

    def __add__(self, other: "Freed") -> "Freed":
        """Sums up several passes; what waits is what waits after the last.

        >>> Freed(images=1, waiting=5) + Freed(images=2, waiting=3)
        Freed(images=3, files=0, answers=0, events=0, bytes=0, waiting=3)
        """
        sums = {
            one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)
        }
        return Freed(**sums | {"waiting": other.waiting})

    @property
    def number(self) -> int:
        """How many things were given up."""
        return self.images + self.files + self.answers + self.events


def collect(engine: Database, blobs: BlobStore, kept: Retention) -> Freed:
    """One pass: gives up a chunk of each kind, and lets bytes go that nothing needs.

    Where it comes back with nothing given up, there is nothing more to give up now.

    Raises:
        StoreAway: the database went; what was done is done.
        StorageFailed: so did the storage.
    """
    with transaction(engine) as connection:
        images = store.give_up_images(connection, kept.images, CHUNK)
    with transaction(engine) as connection:
        files = store.give_up_files(connection, kept.files, CHUNK)
    events = 0
    if kept.events is not None:
        with transaction(engine) as connection:
            events = store.give_up_events(connection, kept.events, CHUNK)
    answers = _old_answers(blobs, kept.answers)[:CHUNK]
    for name in answers:
        blobs.drop(name)
    went = _let_go(engine, blobs)
    with transaction(engine) as connection:
        waiting = store.waiting(connection)
    return Freed(images.number, files.number, len(answers), events, went, waiting)


def foreseen(engine: Database, blobs: BlobStore, kept: Retention) -> Freed:
    """What would be given up now; nothing is."""
    with transaction(engine) as connection:
        images = store.due_images(connection, kept.images)
        files = store.due_files(connection, kept.files)
        events = 0 if kept.events is None else store.due_events(connection, kept.events)
        waiting = store.waiting(connection)
    answers = len(_old_answers(blobs, kept.answers))
    total = _sum(images, files)
    return Freed(images.number, files.number, answers, events, total, waiting)


def _sum(*amounts: Amount) -> int:
    return sum(one.bytes for one in amounts)


def _old_answers(blobs: BlobStore, kept: timedelta) -> Sequence[str]:
    before = datetime.now(UTC) - kept
    return [name for name, kept_at in blobs.kept_names(RECEIPTS) if kept_at < before]


def _let_go(engine: Database, blobs: BlobStore) -> int:
    """Discards the bytes that have waited and are not needed; how many that were."""
    with transaction(engine) as connection:
        addresses = store.discardable(connection, CHUNK)
    before = datetime.now(UTC) - UNNAMED
    freed = {one: blobs.discard(one, before) for one in addresses}
    gone = {one: size for one, size in freed.items() if size is not None}
    for one in gone:
        blobs.drop(f"thumbnails/{one}.webp")
    with transaction(engine) as connection:
        store.off(connection, gone.keys())
        store.later(connection, freed.keys() - gone.keys())
    return sum(gone.values())
