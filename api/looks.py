"""Many who ask the same at the same time share one look at the record."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

Seen = TypeVar("Seen")
LANES = 64


@dataclass(slots=True)
class Looks:
    """One look at a time at each thing; whoever comes while it lasts shares the next.

    So nobody is told what was seen before they asked, and two hundred who poll one thing cost no more than
    what can be looked at in a row. Safe to use from several threads.
    """

    _coming: dict[Hashable, Future[Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _lanes: tuple[threading.Lock, ...] = field(
        default_factory=lambda: tuple(threading.Lock() for _ in range(LANES))
    )
    """In which looks at the same thing follow each other."""

    def share(self, thing: Hashable, look: Callable[[], Seen]) -> Seen:
        """What a look that begins after now sees, or raises."""
        with self._lock:
            shared = self._coming.get(thing)
            if shared is None:
                mine: Future[Seen] = Future()
                self._coming[thing] = mine
        if shared is not None:
            seen: Seen = shared.result()
            return seen
        with self._lanes[hash(thing) % LANES]:
            with self._lock:
                del self._coming[thing]
            return _looked(mine, look)


def _looked(shared: Future[Seen], look: Callable[[], Seen]) -> Seen:
    try:
        seen = look()
    except BaseException as error:
        shared.set_exception(error)
        raise
    shared.set_result(seen)
    return seen
