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
    """One answer: its sign, when to come back, the limit that was exhausted, limits a minute that it states."""

    sign: Sign
    hint: timedelta = timedelta(0)
    exhausted: Dimension | None = None
    limits: Mapping[Dimension, int] = field(default_factory=dict)
