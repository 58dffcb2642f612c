"""What an answer tells about limits, whatever else it brings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum, auto


class Dimension(StrEnum):
    """What a provider counts by the minute; the words are the script's as well."""

    REQUESTS = auto()
    IMAGES = auto()
    TOKENS = auto()
    INPUT_IMAGES = auto()


@dataclass(frozen=True, slots=True)
class PerMinute:
    """The operator's limits, in units a minute; None is no limit of ours."""

    requests: int | None = None
    images: int | None = None
    tokens: int | None = None
    input_images: int | None = None

    def of(self, dimension: Dimension) -> int | None:
        """The limit of one dimension."""
        limit: int | None = getattr(self, dimension)
        return limit


@dataclass(frozen=True, slots=True)
class Limits:
    """What one provider key may do: calls in flight, and units a minute for each family of models."""

    in_flight: int
    usual: PerMinute = field(default_factory=PerMinute)
    """For a family of which nothing else is said."""
    special: Mapping[str, PerMinute] = field(default_factory=dict)

    def of(self, family: str) -> PerMinute:
        """What is said of a family.

        >>> Limits(30, PerMinute(images=50), {"gpt-image": PerMinute(images=250)}).of("other").images
        50
        """
        return self.special.get(family, self.usual)

    @property
    def usual_calls(self) -> int | None:
        """The most calls of one image that the usual limits let through in a minute; None where none is set.

        >>> Limits(30, PerMinute(requests=50, images=20)).usual_calls, Limits(30).usual_calls
        (20, None)
        """
        said = (self.usual.requests, self.usual.images)
        return min((limit for limit in said if limit is not None), default=None)


class Sign(StrEnum):
    """How an answer looks from the border."""

    FINE = auto()
    """The provider works, whatever it thinks of this request."""
    REFUSED = auto()
    """It says that calls come too fast."""
    TROUBLE = auto()
    """It cannot be reached, or it is out of order."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer: its sign, when to come back, the limit that was exhausted, limits a minute that it states.

    `hopeless`: it was asked for more at once than the limit it states, so that the same call is always refused.
    """

    sign: Sign
    hint: timedelta = timedelta(0)
    exhausted: Dimension | None = None
    limits: Mapping[Dimension, int] = field(default_factory=dict)
    hopeless: bool = False
