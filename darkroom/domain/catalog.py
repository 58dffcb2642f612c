"""A catalog: what is wanted tonight against what is there, and what has to be made for it.

An item is one SKU in one variant. Its fingerprint is everything that the provider sees of it, so that row
order, other columns and file names change nothing.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum, auto
from uuid import UUID

MAIN = "main"
"""The variant of a catalog that has no others."""

THRESHOLD = Decimal("0.95")
"""The share of a night's calls that must bring an image before the night is published by itself."""

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
    """One item as the table has it tonight; money in US dollars."""

    sku: str
    variant: str
    fingerprint: str
    custom_id: str
    line: int
    prompt: str = ""
    expected: Decimal = Decimal(0)
    bound: Decimal = Decimal(0)

    @property
    def key(self) -> Key:
        return self.sku, self.variant


@dataclass(frozen=True, slots=True)
class Step:
    """What one item needs tonight; `makes` if a call is paid for it."""

    wanted: Wanted
    standing: Standing
    item: Item
    makes: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Tonight's table against the current version: a step for each item selected; the others as they are."""

    steps: tuple[Step, ...]
    others: tuple[Item, ...] = ()
    """Not selected tonight: they stay what they are."""
    removed: tuple[Item, ...] = ()
    """No longer in the table."""

    @property
    def calls(self) -> tuple[Wanted, ...]:
        """What is to be made, each fingerprint once."""
        return tuple(step.wanted for step in self.steps if step.makes)

    @property
    def expected(self) -> Decimal:
        """The likely cost of the calls."""
        return sum((one.expected for one in self.calls), Decimal(0))

    @property
    def bound(self) -> Decimal:
        """More than the calls can cost."""
        return sum((one.bound for one in self.calls), Decimal(0))

    def count(self, what: Standing | ItemState) -> int:
        """How many selected items stand so, or will be in this state when the night begins."""
        return sum(what in (step.standing, step.item.state) for step in self.steps)

    def items(self) -> Iterator[Item]:
        """The next version as the night begins."""
        yield from (step.item for step in self.steps)
        yield from self.others
        yield from self.removed


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


def compare(
    wanted: Iterable[Wanted],
    had: Iterable[Item],
    bought: Mapping[str, Picture],
    reuse: Reuse = Reuse.USE,
    only: Collection[str] | None = None,
) -> Difference:
    """What tonight's table needs, given the current version and what was ever bought.

    With `only`, items of other SKUs stay as they are, and nothing is marked as removed.
    """
    before = {item.key: item for item in had}
    shown = [item.picture for item in before.values() if item.picture]
    bought = {**{one.fingerprint: one for one in shown if not one.rejected}, **bought}
    table = sorted(wanted, key=lambda one: one.key)
    selected = [one for one in table if only is None or one.sku in only]
    keys = {one.key for one in (table if only is None else selected)}
    rest = [item for key, item in before.items() if key not in keys]
    removed = [replace(item, state=ItemState.REMOVED) for item in rest] if only is None else []
    return Difference(
        steps=tuple(_steps(selected, before, bought, reuse)),
        others=() if only is None else tuple(map(_untouched, rest)),
        removed=tuple(removed),
    )


def _steps(
    selected: Sequence[Wanted],
    before: Mapping[Key, Item],
    bought: Mapping[str, Picture],
    reuse: Reuse,
) -> Iterator[Step]:
    """Items that the provider could not tell apart share one call: the first of them pays."""
    paid: set[str] = set()
    for one in selected:
        step = _step(one, before.get(one.key), bought.get(one.fingerprint), reuse)
        if not step.makes:
            yield step
            continue
        yield replace(step, makes=one.fingerprint not in paid)
        paid.add(one.fingerprint)


def _step(one: Wanted, item: Item | None, found: Picture | None, reuse: Reuse) -> Step:
    standing = _standing(one, item)
    shown = item.picture if item else None
    state = ItemState.WAITING
    if reuse is not Reuse.REFRESH and standing is Standing.UNCHANGED:
        state = ItemState.KEPT
    elif reuse is not Reuse.REFRESH and found is not None:
        state, shown = ItemState.REUSED, found
    elif reuse is Reuse.ONLY:
        state = ItemState.STALE if shown else ItemState.MISSING
    next_item = Item(one.sku, one.variant, one.fingerprint, state, shown)
    return Step(one, standing, next_item, makes=state is ItemState.WAITING)


def _standing(one: Wanted, item: Item | None) -> Standing:
    if item is None or item.picture is None or item.state is ItemState.REMOVED:
        return Standing.NEW
    if item.picture.fingerprint != one.fingerprint:
        return Standing.CHANGED
    return Standing.REJECTED if item.picture.rejected else Standing.UNCHANGED


def _untouched(item: Item) -> Item:
    """What was made last night was not made tonight."""
    fresh = item.state in (ItemState.MADE, ItemState.REUSED)
    return replace(item, state=ItemState.KEPT) if fresh else item
