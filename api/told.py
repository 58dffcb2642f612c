"""What pollers were told a moment ago, for those who come right after them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from api.auth import Caller

FRESH = 0.2
"""Seconds after which one looks again, and the others are told what was seen before: five in a second look."""
HOLDS = 0.5
"""Seconds after which it is told to nobody any more."""
MOST = 256
"""So many answers are remembered; of one more, all are forgotten."""
TURNS = 64


@dataclass(frozen=True, slots=True)
class Telling:
    """What was said of the latest version, and to whom."""

    caller: Caller
    tag: str
    headers: Mapping[str, str]
    body: bytes
    """Empty where it was said to one who knew."""


@dataclass(slots=True)
class _Kept:
    telling: Telling
    at: float
    is_looked_at: bool = False


@dataclass(slots=True)
class Told:
    """The latest tellings, by who asked for what. Used on the event loop alone."""

    clock: Callable[[], float] = time.monotonic
    _kept: dict[bytes, _Kept] = field(default_factory=dict)
    _turns: tuple[asyncio.Lock, ...] = field(
        default_factory=lambda: tuple(asyncio.Lock() for _ in range(TURNS))
    )

    def turn(self, asked: bytes) -> asyncio.Lock:
        """Held by the one who looks where nothing is to be told; others who ask the same wait for that."""
        return self._turns[asked[0] % TURNS]

    def recall(self, asked: bytes) -> Telling | None:
        """What was told a moment ago."""
        kept = self._kept.get(asked)
        return kept.telling if kept and self.clock() <= kept.at + HOLDS else None

    def is_due(self, asked: bytes) -> bool:
        """Whether it is time to look again: said to one alone, until that one notes what is told now."""
        kept = self._kept.get(asked)
        if kept is None or kept.is_looked_at or self.clock() <= kept.at + FRESH:
            return False
        kept.is_looked_at = True
        return True

    def note(self, asked: bytes, telling: Telling) -> None:
        """Keeps what was just told."""
        if len(self._kept) >= MOST:
            self._kept.clear()
        before = self._kept.get(asked)
        if before and before.telling.tag == telling.tag and not telling.body:
            telling = before.telling
        self._kept[asked] = _Kept(telling, self.clock())

    def forget(self) -> None:
        """Something is changed here: whoever changed it sees that at once."""
        self._kept.clear()
