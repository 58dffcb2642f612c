"""How long a call may take by the clock on the wall, from its first byte to the last of its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from darkroom.domain.models import AUTO, parse_size

_AUTO_PIXELS = 1536 * 1024
"""No model draws larger by itself."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The time for calls of one quality, or of any, that draw at least so many pixels an image."""

    span: timedelta
    quality: str | None = None
    pixels: int = 0

    def covers(self, quality: str, pixels: int) -> bool:
        """Whether it is meant for such a call."""
        return pixels >= self.pixels and (quality == AUTO or self.quality in (None, quality))


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The usual time for a call, and other times for some; of several that fit, the longest.

    An `auto` may turn out to be anything: it has the longest of all.
    """

    usual: timedelta
    others: tuple[Patience, ...] = ()

    def of(self, quality: str, size: str) -> timedelta:
        """The time for a call of this quality and size.

        >>> deadlines = parse_deadlines(600, {"high": 900, "high 3840x2160": 1200, "low": 60})
        >>> [deadlines.of(*call).seconds for call in (("high", "auto"), ("high", "2160x3840"))]
        [900, 1200]
        >>> [deadlines.of(*call).seconds for call in (("low", "auto"), ("medium", "1024x1024"))]
        [60, 600]
        >>> deadlines.of("auto", "1024x1024").seconds
        900
        >>> parse_deadlines(600, {"low": 60}).of("auto", "auto").seconds
        600
        """
        width, height = (_AUTO_PIXELS, 1) if size == AUTO else parse_size(size)
        spans = [one.span for one in self.others if one.covers(quality, width * height)]
        return max([self.usual, *spans] if quality == AUTO else spans, default=self.usual)


def parse_deadlines(usual_seconds: float, table: Mapping[str, float]) -> Deadlines:
    """The deadlines that a table of seconds says: by quality, by size, or by both.

    A size stands for all images of as many pixels or more.

    Raises:
        ValueError: a name in it is no quality, no WIDTHxHEIGHT, and not both; or a time is not positive.

    >>> parse_deadlines(600, {"2048x2048": 900}).of("low", "2880x2880").seconds
    900
    """
    others = tuple(_patience(name, seconds) for name, seconds in table.items())
    return Deadlines(timedelta(seconds=usual_seconds), others)


def _patience(name: str, seconds: float) -> Patience:
    words = name.split()
    sizes = [word for word in words if word[:1].isdigit()]
    qualities = [word for word in words if word not in sizes]
    if not words or len(sizes) > 1 or len(qualities) > 1 or seconds <= 0:
        raise ValueError(f"{name} = {seconds}: write a quality, a size or both, and seconds")
    width, height = parse_size(sizes[0]) if sizes else (0, 0)
    return Patience(timedelta(seconds=seconds), next(iter(qualities), None), width * height)
