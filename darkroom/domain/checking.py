"""Checks on what arrives: which there are, what a batch asks for, and what becomes of what does not pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any, Self

from darkroom.domain.models import AUTO

REROLLS_LIMIT = 10


class Check(StrEnum):
    """What an image is looked at for."""

    BLANK = auto()
    """One even surface."""
    DUPLICATE = auto()
    """Nearly the image of another SKU."""
    SIZE = auto()
    FORMAT = auto()
    UNREADABLE = auto()
    """It cannot be decoded to its end; this is always looked for."""


OPTIONAL = (Check.BLANK, Check.DUPLICATE, Check.SIZE, Check.FORMAT)


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that an image does not pass, and why in words."""

    check: Check
    reason: str

    def as_json(self) -> dict[str, str]:
        """The form in which it is kept."""
        return {"check": self.check, "reason": self.reason}

    @classmethod
    def of(cls, kept: Mapping[str, str]) -> Self:
        """The finding that was kept."""
        return cls(Check(kept["check"]), kept["reason"])

    def __str__(self) -> str:
        return f"{self.check}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Checks:
    """What a batch asks for.

    What does not pass is rejected if `rejects`, and made anew so many times at most, for no more than `budget`
    in all.
    """

    left_out: frozenset[Check] = frozenset()
    rejects: bool = False
    reroll: int = 0
    budget: Decimal | None = None

    def as_json(self) -> dict[str, Any]:
        """The form in which a batch keeps it."""
        return {
            "left_out": sorted(self.left_out),
            "rejects": self.rejects,
            "reroll": self.reroll,
            "budget": None if self.budget is None else str(self.budget),
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """What was kept.

        >>> asked = Checks(frozenset({Check.DUPLICATE}), rejects=True, reroll=2, budget=Decimal(5))
        >>> Checks.of(asked.as_json()) == asked
        True
        """
        budget = None if kept["budget"] is None else Decimal(kept["budget"])
        left_out = frozenset(map(Check, kept["left_out"]))
        return cls(left_out, kept["rejects"], kept["reroll"], budget)


def blank(contrast: int) -> Finding:
    """What is said of a picture with no more to see than so many grey values."""
    return Finding(Check.BLANK, f"one even surface: {contrast} of 255 grey values apart")


def duplicate(other: str) -> Finding:
    """What is said of a picture that resembles another's."""
    return Finding(Check.DUPLICATE, f"looks like the image of {other}")


def mismatches(
    asked: Mapping[str, Any], width: int, height: int, image_format: str
) -> Iterator[Finding]:
    """What is not as it was asked for.

    >>> [str(one) for one in mismatches({"size": "8x4", "output_format": "png"}, 8, 8, "png")]
    ['size: asked for 8x4, got 8x8']
    """
    size, kind = asked.get("size") or AUTO, asked.get("output_format") or image_format
    if size not in (AUTO, f"{width}x{height}"):
        yield Finding(Check.SIZE, f"asked for {size}, got {width}x{height}")
    if kind != image_format:
        yield Finding(Check.FORMAT, f"asked for {kind}, got {image_format}")


def sku_of(custom_id: str) -> str:
    """Whose image it is: two images of one SKU may resemble each other.

    >>> sku_of("shoe/red/front"), sku_of("shoe")
    ('shoe/red', 'shoe')
    """
    sku, slash, _ = custom_id.rpartition("/")
    return sku if slash else custom_id
