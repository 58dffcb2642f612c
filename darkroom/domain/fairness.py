"""Who goes next: by priority; of equals the projects share, and within a project its batches."""

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
    priority: int = 0


def share(window: int, waiting: Sequence[Waiting]) -> dict[UUID, int]:
    """How many of `window` free slots each batch gets: first those of the highest priority.

    >>> night, urgent = UUID(int=1), UUID(int=2)
    >>> crowd = [Waiting(night, "shop", 100_000, busy=0), Waiting(urgent, "press", 3, 0, priority=5)]
    >>> share(5, crowd) == {urgent: 3, night: 2}
    True
    """
    given: dict[UUID, int] = {}
    for priority in sorted({batch.priority for batch in waiting}, reverse=True):
        peers = [batch for batch in waiting if batch.priority == priority]
        given |= _share_alike(window - sum(given.values()), peers)
    return given


def _share_alike(window: int, waiting: Sequence[Waiting]) -> dict[UUID, int]:
    """Slots among batches of one priority: always to the least served batch of the least served project.

    Of two served alike, the one that stands first is given the slot.

    >>> a, b = UUID(int=1), UUID(int=2)
    >>> _share_alike(5, [Waiting(a, "shop", 100, busy=3), Waiting(b, "shop", 100, busy=0)])[b]
    4
    >>> _share_alike(4, [Waiting(a, "shop", 100, 0), Waiting(b, "press", 1, 0)]) == {a: 3, b: 1}
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
