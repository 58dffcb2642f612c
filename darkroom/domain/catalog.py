"""A catalog: what is wanted tonight against what is there, and what has to be made for it.

An item is one SKU in one variant. Its fingerprint is everything that the provider sees of it, so that row
order, other columns and file names change nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, auto
from uuid import UUID

MAIN = "main"
"""The variant of a catalog that has no others."""

THRESHOLD = Decimal("0.95")
"""The share of a catalog's items that must show what they should before a night is published by itself."""

Key = tuple[str, str]
"""A SKU and a variant."""


class Reuse(StrEnum):
    """What becomes of images that were bought before."""

    USE = auto()
    """They are used again; only what nobody has is made."""
    REFRESH = auto()
    """Everything selected is made anew."""
    ONLY = auto()
    """They are used again, and nothing is made."""


class ItemState(StrEnum):
    """How an item of a version came by its image."""

    WAITING = auto()
    """It is being made tonight."""
    MADE = auto()
    """It was made for this version."""
    REUSED = auto()
    """It was bought before, for another item or an earlier night."""
    KEPT = auto()
    """Nothing has changed: it is the last version's."""
    STALE = auto()
    """It has changed, but could not be made: it still shows the last version's image."""
    MISSING = auto()
    """It could not be made, and there was no image before."""
    REMOVED = auto()
    """It is no longer in the table; the last image is kept."""


class VersionState(StrEnum):
    """Where a version of a catalog stands."""

    MAKING = auto()
    CANDIDATE = auto()
    """Too little of it succeeded to be published by itself."""
    PUBLISHED = auto()


class Standing(StrEnum):
    """What the difference says about an item."""

    NEW = auto()
    CHANGED = auto()
    REJECTED = auto()
    """Its image was rejected: it is wanted anew, and the rejected one is shown until there is a better."""
    UNCHANGED = auto()


@dataclass(frozen=True, slots=True)
class Picture:
    """A bought image: the attempt that brought it, its index from 0, and the fingerprint it was bought for.

    One that was `rejected` since serves no item that does not show it already.
    """

    attempt_id: UUID
    index: int
    fingerprint: str
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a version: what it should show, what it shows, and how it came by that."""

    sku: str
    variant: str
    fingerprint: str
    state: ItemState
    picture: Picture | None = None

    @property
    def key(self) -> Key:
        return self.sku, self.variant


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item as the table has it tonight; money in US dollars, `seconds` as its call usually takes."""

    sku: str
    variant: str
    fingerprint: str
    custom_id: str
    line: int
    prompt: str = ""
    expected: Decimal = Decimal(0)
    bound: Decimal = Decimal(0)
    seconds: float = 0.0

    @property
    def key(self) -> Key:
        return self.sku, self.variant


@dataclass(frozen=True, slots=True)
class Difference:
    """Tonight's table against the current version: how many selected items stand and will begin how.

    `calls` are images to be bought, each fingerprint once, and `busy` the seconds that these usually take, one
    after the other; `removed` are no longer in the table; `samples` are the first that would be made.
    """

    counts: Mapping[tuple[Standing, ItemState], int]
    calls: int
    expected: Decimal
    bound: Decimal
    busy: float = 0.0
    removed: int = 0
    samples: tuple[Wanted, ...] = ()

    def count(self, what: Standing | ItemState) -> int:
        """How many selected items stand so, or will be in this state when the night begins.

        >>> found = Difference({(Standing.NEW, ItemState.WAITING): 2}, 2, Decimal(1), Decimal(1))
        >>> found.count(Standing.NEW), found.count(ItemState.KEPT)
        (2, 0)
        """
        return sum(number for both, number in self.counts.items() if what in both)


def fingerprint(provider: str, endpoint: str, variant: str, body: Mapping[str, object]) -> str:
    """The identity of an image to be bought: who draws it, and everything that it is drawn from.

    >>> one = fingerprint("default", "/v1/images/generations", "front", {"prompt": "a mug", "n": 1})
    >>> one == fingerprint("default", "/v1/images/generations", "front", {"n": 1, "prompt": "a mug"})
    True
    >>> one == fingerprint("default", "/v1/images/generations", "top", {"n": 1, "prompt": "a mug"})
    False
    """
    known = json.dumps([provider, endpoint, variant, body], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()
