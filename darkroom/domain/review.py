"""Review: drafts that a person approves or rejects, and the better images that the approved are promoted to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, Self

from darkroom.domain.batchfile import Draft
from darkroom.domain.problem import Problem
from darkroom.domain.request import Priced, Resolver


class Judgement(StrEnum):
    """What a person says of a job's images."""

    APPROVED = auto()
    REJECTED = auto()
    """It never costs a better one."""


class ReviewState(StrEnum):
    """How the review of a job stands that has images."""

    APPROVED = Judgement.APPROVED
    REJECTED = Judgement.REJECTED
    UNDECIDED = auto()
    """Nobody has judged them."""


@dataclass(frozen=True, slots=True)
class Target:
    """What drafts are promoted to; `reference` has each drawn anew with its draft as the first picture."""

    quality: str | None = None
    size: str | None = None
    reference: bool = False

    @property
    def key(self) -> str:
        """The one form of the same target: a draft is promoted to it once.

        >>> Target("high", "2048x2048", reference=True).key, Target("high").key
        ('quality=high size=2048x2048 reference', 'quality=high')
        """
        given = (("quality", self.quality), ("size", self.size))
        words = [f"{name}={value}" for name, value in given if value]
        return " ".join([*words, "reference"] if self.reference else words)

    def as_json(self) -> dict[str, Any]:
        """The form in which a batch keeps it."""
        return {"quality": self.quality, "size": self.size, "reference": self.reference}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """The target that a batch keeps."""
        return cls(kept["quality"], kept["size"], kept["reference"])


@dataclass(frozen=True, slots=True)
class Approved:
    """An approved draft: what was asked for, and the sha256 of its first image."""

    job_id: int
    line: int
    custom_id: str
    priority: int
    request: Mapping[str, Any]
    sha256: str


def promoted(draft: Approved, target: Target, resolver: Resolver) -> Draft | tuple[Problem, ...]:
    """The row of the better image, or why there can be none.

    The draft goes before the pictures that it was made of; their mask, which it has had already, is left out.
    """
    asked = {**draft.request}
    asked |= {"quality": target.quality} if target.quality else {}
    asked |= {"size": target.size} if target.size else {}
    if target.reference:
        asked["images"] = [draft.sha256, *asked.get("images", ())]
        asked.pop("mask", None)
    priced = resolver.resolve(asked.pop("prompt"), asked)
    if isinstance(priced, Priced):
        return Draft(draft.line, draft.custom_id, priced, draft.priority)
    return tuple(one.at(draft.line, draft.custom_id) for one in priced)
