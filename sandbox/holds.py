"""Named gates at which calls wait until they are released."""

import asyncio
from collections import Counter

from sandbox.bell import Bell


class Holds:
    """Owns the gates; a released gate stays open until the sandbox is reset."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._gates: dict[str, asyncio.Event] = {}
        self._waiting: Counter[str] = Counter()

    @property
    def waiting(self) -> dict[str, int]:
        """How many calls wait at each gate."""
        return dict(+self._waiting)

    async def wait(self, name: str) -> None:
        """Return when the gate is open."""
        self._waiting[name] += 1
        self._bell.ring()
        try:
            await self._gate(name).wait()
        finally:
            self._waiting[name] -= 1

    def release(self, name: str) -> int:
        """Open a gate; how many calls waited there."""
        self._gate(name).set()
        return self._waiting[name]

    def clear(self) -> None:
        """Let everybody go, and close all gates for those who come later."""
        for gate in self._gates.values():
            gate.set()
        self._gates.clear()

    def _gate(self, name: str) -> asyncio.Event:
        return self._gates.setdefault(name, asyncio.Event())
