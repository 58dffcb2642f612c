"""What a limiter knows, and what it is told when it knows nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from darkroom.domain.limit import Dimension, PerMinute


@dataclass(frozen=True, slots=True)
class Known:
    """What is known now of a key, and of its limits for one family of models.

    `limits` are units a minute; `pace` is what we allow ourselves beside them, in images a minute; None where
    nothing holds us back. While the circuit is open only probes go out.
    """

    in_flight: int
    limits: Mapping[Dimension, int]
    pace: float | None
    cooling: timedelta
    circuit: timedelta | None
    """How long no probe goes out; None while the circuit is closed."""

    @classmethod
    def parse(cls, in_flight: int, words: str) -> "Known":
        """Reads the script's line.

        >>> Known.parse(3, "images=250 pace=60 cooling=1500").limits
        {<Dimension.IMAGES: 'images'>: 250}
        """
        said = dict(word.split("=") for word in words.split())
        return cls(
            in_flight=in_flight,
            limits={one: int(said[one]) for one in Dimension if one in said},
            pace=float(said["pace"]) if "pace" in said else None,
            cooling=timedelta(milliseconds=float(said["cooling"])),
            circuit=timedelta(milliseconds=float(said["circuit"])) if "circuit" in said else None,
        )

    def admitted(self, configured: PerMinute) -> dict[str, float]:
        """What goes out in a minute at most, by dimension: what is set, or less where less was learned.

        `pace` stands beside them.

        >>> known = Known.parse(3, "requests=90 images=250 pace=60 cooling=0")
        >>> known.admitted(PerMinute(images=100, requests=600))
        {'requests': 90.0, 'images': 100.0, 'pace': 60.0}
        """
        said = {one: (configured.of(one), self.limits.get(one)) for one in Dimension}
        least = {one: min((x for x in pair if x), default=None) for one, pair in said.items()}
        found = {str(one): float(limit) for one, limit in least.items() if limit}
        return found | ({"pace": self.pace} if self.pace else {})


@dataclass(frozen=True, slots=True)
class Memory:
    """What a limiter that forgot is told: the key's calls in flight, and what was learned of a family."""

    running: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    """By dimension, units a minute; `pace` beside them."""
