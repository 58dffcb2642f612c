"""Who goes next: the slots are shared among projects, and within a project among its batches."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch with jobs that wait, and how many of its jobs are being worked on."""

    batch_id: UUID
    project_id: str
    queued: int
    busy: int


def share(window: int, waiting: Sequence[Waiting]) -> dict[UUID, int]:
    """How many of `window` free slots each batch gets: always to the least served of the least served.

    Of two served alike, the one that stands first is given the slot.

    >>> a, b = UUID(int=1), UUID(int=2)
    >>> share(5, [Waiting(a, "shop", 100, busy=3), Waiting(b, "shop", 100, busy=0)])[b]
    4
    >>> share(4, [Waiting(a, "shop", 100, 0), Waiting(b, "press", 1, 0)]) == {a: 3, b: 1}
    True
    """
    projects: dict[str, list[Waiting]] = {}
    for batch in waiting:
        projects.setdefault(batch.project_id, []).append(batch)
    queues = {name: _by_service(batches) for name, batches in projects.items()}
    turns = [
        (sum(batch.busy for batch in batches), order, name)
        for order, (name, batches) in enumerate(projects.items())
    ]
    heapq.heapify(turns)
    given: dict[UUID, int] = {}
    while turns and sum(given.values()) < window:
        served, order, name = heapq.heappop(turns)
        if _serve(queues[name], given):
            heapq.heappush(turns, (served + 1, order, name))
    return given


def _by_service(batches: Sequence[Waiting]) -> list[tuple[int, int, Waiting]]:
    queue = [(batch.busy, order, batch) for order, batch in enumerate(batches)]
    heapq.heapify(queue)
    return queue


def _serve(queue: list[tuple[int, int, Waiting]], given: dict[UUID, int]) -> bool:
    """Gives one slot to the least served batch that still has a job for it; False when none has."""
    while queue:
        served, order, batch = heapq.heappop(queue)
        if given.get(batch.batch_id, 0) < batch.queued:
            given[batch.batch_id] = given.get(batch.batch_id, 0) + 1
            heapq.heappush(queue, (served + 1, order, batch))
            return True
    return False
