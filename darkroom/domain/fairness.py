"""Who goes next: by priority; of equals the projects share, and within a project its batches."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch with jobs that wait: how many, how many are worked on, and which families they ask for."""

    batch_id: UUID
    project_id: str
    queued: int
    busy: int
    priority: int = 0
    families: tuple[str, ...] = ("",)


Shares = Counter[tuple[UUID, str]]
"""How many slots each batch gets for each family of models."""


def share(room: int, windows: Mapping[str, int], waiting: Sequence[Waiting]) -> Shares:
    """How many of `room` free slots each batch gets, and for which family: the highest priority first.

    `windows` says how many calls of each family may be handed out: one that may have none takes nobody's slot.

    >>> night, urgent = UUID(int=1), UUID(int=2)
    >>> crowd = [Waiting(night, "shop", 100_000, busy=0), Waiting(urgent, "press", 3, 0, priority=5)]
    >>> share(5, {"": 9}, crowd) == {(urgent, ""): 3, (night, ""): 2}
    True
    >>> mixed = [Waiting(night, "shop", 100_000, 0, families=("fast", "slow"))]
    >>> share(5, {"fast": 9, "slow": 1}, mixed) == {(night, "fast"): 5}
    True
    >>> share(5, {"fast": 0, "slow": 1}, mixed) == {(night, "slow"): 1}
    True
    """
    left, given = Counter(windows), Shares()
    for priority in sorted({batch.priority for batch in waiting}, reverse=True):
        peers = [batch for batch in waiting if batch.priority == priority]
        given += _share_alike(room - given.total(), left, peers)
    return given


def _share_alike(room: int, left: Counter[str], waiting: Sequence[Waiting]) -> Shares:
    """Slots among batches of one priority: always to the least served batch of the least served project.

    Of two served alike, the one that stands first is given the slot. What is given is taken from `left`.

    >>> a, b = UUID(int=1), UUID(int=2)
    >>> crowd = [Waiting(a, "shop", 100, busy=3), Waiting(b, "shop", 100, busy=0)]
    >>> _share_alike(5, Counter({"": 9}), crowd)[b, ""]
    4
    >>> crowd = [Waiting(a, "shop", 100, 0), Waiting(b, "press", 1, 0)]
    >>> _share_alike(4, Counter({"": 9}), crowd) == {(a, ""): 3, (b, ""): 1}
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
    given = Shares()
    while turns and given.total() < room:
        served, order, name = heapq.heappop(turns)
        if _serve(queues[name], left, given):
            heapq.heappush(turns, (served + 1, order, name))
    return given


Queue = list[tuple[int, int, int, Waiting]]
"""How much each batch was served, where it stands, and how many of its jobs are left."""


def _by_service(batches: Sequence[Waiting]) -> Queue:
    queue = [(batch.busy, order, batch.queued, batch) for order, batch in enumerate(batches)]
    heapq.heapify(queue)
    return queue


def _serve(queue: Queue, left: Counter[str], given: Shares) -> bool:
    """Gives a slot to the least served batch that has a job and a family for it; False when none has."""
    while queue:
        served, order, queued, batch = heapq.heappop(queue)
        family = max(batch.families, key=lambda one: left[one], default="")
        if queued > 0 and left[family] > 0:
            left[family] -= 1
            given[batch.batch_id, family] += 1
            heapq.heappush(queue, (served + 1, order, queued - 1, batch))
            return True
    return False
