"""Waiting for something to happen, without polling."""

import asyncio


class Bell:
    """Rings at every event; whoever waits looks again and waits for the next ring."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who waits."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    async def heard(self) -> None:
        """Return at the next ring."""
        await self._next.wait()
