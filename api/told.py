"""What pollers were told a moment ago, for those who come right after them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from api.auth import Caller

HOLDS = 0.1
"""Seconds; two hundred who poll a batch each second then cost ten looks."""
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
class Told:
    """The latest tellings, by who asked for what. Used on the event loop alone."""

    clock: Callable[[], float] = time.monotonic
    _tellings: dict[bytes, tuple[float, Telling]] = field(default_factory=dict)
    _turns: tuple[asyncio.Lock, ...] = field(
        default_factory=lambda: tuple(asyncio.Lock() for _ in range(TURNS))
    )

    def turn(self, asked: bytes) -> asyncio.Lock:
        """Held by the one who looks; others who ask the same wait for what it is told."""
        return self._turns[asked[0] % TURNS]

    def recall(self, asked: bytes) -> Telling | None:
        """What was told a moment ago."""
        until, telling = self._tellings.get(asked, (0.0, None))
        return telling if self.clock() <= until else None

    def note(self, asked: bytes, telling: Telling) -> None:
        """Keeps what was just told."""
        if len(self._tellings) >= MOST:
            self._tellings.clear()
        _, before = self._tellings.get(asked, (0.0, None))
        if before and before.tag == telling.tag and not telling.body:
            telling = before
        self._tellings[asked] = (self.clock() + HOLDS, telling)

    def forget(self) -> None:
        """Something is changed here: whoever changed it sees that at once."""
        self._tellings.clear()
