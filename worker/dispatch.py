"""Dispatch: the broker's window is kept small, fair, and full of jobs that can be begun now."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from uuid import UUID

from darkroom.domain.fairness import Shares, Waiting, share
from darkroom.domain.waiting import WaitingFor
from darkroom.limits import LimiterAway
from darkroom.store import batches, jobs, providers, queues, windows, workers
from darkroom.store.jobs import Dispatched
from darkroom.store.locks import Duty, try_lock
from darkroom.store.providers import Standing
from darkroom.store.queues import Busy, OpenBatch
from darkroom.store.session import Transaction, transaction
from darkroom.telemetry.logs import logger
from worker.hold import can_store
from worker.notice import NO_PERMIT, note_all, over_all
from worker.tools import BrokerAway, Tools
from worker.upstream import Upstream

AHEAD = timedelta(seconds=2)
"""How far ahead of the rate limits jobs are handed out: as long as a job waits for its permit."""

LATER = timedelta(seconds=1)
"""When jobs are due again that the broker did not take."""

AGAIN = 0.1
"""Seconds after which one looks again who found another dispatching: that takes less, as a rule."""

_GONE_ON = (WaitingFor.LIMITER, WaitingFor.BROKER, WaitingFor.DISK_SPACE)
"""What cannot hold up the worker that has just handed out jobs."""


def dispatch(tools: Tools) -> int:
    """Hands out due jobs, row first and message second; counts them."""
    try:
        ready = _ready(tools)
        if not ready or tools.holdings.is_stuck or not can_store(tools):
            return 0
        with transaction(tools.engine) as connection:
            if not _has_duty(tools, connection):
                return 0
            messages = _dispatched(tools, connection, ready)
        tools.publish(messages)
        if messages:
            over_all(tools, *_GONE_ON)
    except LimiterAway:
        note_all(tools, WaitingFor.LIMITER, NO_PERMIT)
        raise
    except BrokerAway:
        note_all(tools, WaitingFor.BROKER, "the broker takes no message")
        _take_back(tools, messages)
        return 0
    return len(messages)


def _ready(tools: Tools) -> dict[str, Standing]:
    """The providers whose keys are of use; none where another worker dispatches.

    Each in a transaction of its own, as each locks its batches by id.
    """
    with transaction(tools.engine) as connection:
        if not _has_duty(tools, connection):
            return {}
        windows.roll(connection)
    standings = {name: _standing(tools, upstream) for name, upstream in tools.upstreams.items()}
    return {name: one for name, one in standings.items() if not one.paused_reason}


def _has_duty(tools: Tools, connection: Transaction) -> bool:
    """Whether this worker may dispatch; another that does may not have seen what rang here."""
    mine = try_lock(connection, Duty.DISPATCH)
    if not mine:
        tools.wake.ring_in(AGAIN)
    return mine


def _dispatched(
    tools: Tools, connection: Transaction, ready: Mapping[str, Standing]
) -> list[Dispatched]:
    """As many due jobs as each provider has room for; what one waits for holds up no other.

    The limiter is asked before any row is locked, and no batch is locked before the last job was chosen.
    """
    slots, busy = workers.places(connection), queues.busy(connection)
    free = slots - sum(load.dispatched + load.running for load in busy.values())
    turns = []
    for name, standing in ready.items():
        own = 1 if standing.on_trial else _own_slots(tools, tools.upstreams[name], slots)
        load = busy.get(name, Busy())
        room = min(own - load.running - load.dispatched, free)
        turns.append(_turn(tools, connection, tools.upstreams[name], room))
    messages: list[Dispatched] = []
    given = Counter[UUID]()
    for turn in turns:
        messages += _handed_out(connection, turn, free - len(messages), given)
    jobs.count_dispatched(connection, given)
    return messages


Wishes = Mapping[UUID, dict[str, list[str]]]
"""The models that each batch's queued jobs ask for, by family: as long as there is a due job of it."""


@dataclass(slots=True)
class Turn:
    """One provider's: its room, the batches that wait for it, and how many jobs of each family may go out."""

    room: int
    found: list[OpenBatch]
    wishes: Wishes
    left: Counter[str]


def _turn(tools: Tools, connection: Transaction, upstream: Upstream, room: int) -> Turn:
    open_now = queues.dispatchable(connection, upstream.name, tools.focus) if room > 0 else []
    found = [_careful(tools, batch) for batch in open_now]
    wishes = {batch.id: _by_family(upstream, batch.models) for batch in found}
    left = _windows(connection, upstream, wishes, room) if found else Counter[str]()
    return Turn(room, found, wishes, left)


def _handed_out(
    connection: Transaction, turn: Turn, free: int, given: Counter[UUID]
) -> list[Dispatched]:
    """As many due jobs of one provider as it has room for: what one batch has not due, the others may have.

    A family of models that may make no call now keeps no other from its calls, not even in the same batch.
    What each batch gave is added to `given`.
    """
    room, found, messages, spent = min(turn.room, free), turn.found, list[Dispatched](), True
    while spent and (shares := _shares(room - len(messages), turn.left, found, turn.wishes)):
        spent, now = False, Counter[UUID]()
        for (batch_id, family), number in sorted(shares.items()):
            wished = turn.wishes[batch_id]
            handed = jobs.hand_out(connection, batch_id, wished[family], number)
            messages += handed
            turn.left[family] -= len(handed)
            now[batch_id] += len(handed)
            if len(handed) < number:
                del wished[family]
                spent = True
        found = [_less(batch, now[batch.id]) for batch in found]
        given += now
    return messages


def _careful(tools: Tools, batch: OpenBatch) -> OpenBatch:
    """With no more waiting than its budgets have room for, and its first calls, until they are answered."""
    room = tools.thrift.room(batch.answered, batch.dispatched + batch.running)
    known = [one for one in (room, batch.affordable) if one is not None]
    return replace(batch, queued=max(min(batch.queued, *known), 0)) if known else batch


def _less(batch: OpenBatch, handed: int) -> OpenBatch:
    return replace(batch, queued=batch.queued - handed, dispatched=batch.dispatched + handed)


def _by_family(upstream: Upstream, models: Sequence[str]) -> dict[str, list[str]]:
    families = defaultdict(list)
    for model in models:
        families[upstream.models.family(model)].append(model)
    return dict(families)


def _windows(
    connection: Transaction, upstream: Upstream, wishes: Wishes, room: int
) -> Counter[str]:
    """How many more jobs of each family may be handed out: no more than its limits admit while they wait."""
    handed = Counter[str]()
    for model, number in queues.handed_out(connection, upstream.name):
        handed[upstream.models.family(model)] += number
    families = {family for one in wishes.values() for family in one}
    return Counter({one: _window(upstream, one, room, handed[one]) for one in families})


def _window(upstream: Upstream, family: str, room: int, handed: int) -> int:
    """What waits already counts against the limits; where there are none, the free slots are the window."""
    rate = upstream.limiter.calls_per_second(family)
    return room if rate is None else ceil(rate * AHEAD.total_seconds()) - handed


def _shares(
    room: int, left: Mapping[str, int], found: Sequence[OpenBatch], wishes: Wishes
) -> Shares:
    """How many jobs each batch hands out; a lone request goes before all that nobody waits for."""
    lone = share(room, left, [_waiting(one, wishes) for one in found if one.lone])
    rest = Counter(left)
    for (_, family), number in lone.items():
        rest[family] -= number
    others = [_waiting(one, wishes) for one in found if not one.lone]
    return lone + share(room - lone.total(), rest, others)


def _waiting(batch: OpenBatch, wishes: Wishes) -> Waiting:
    busy, families = batch.dispatched + batch.running, tuple(wishes[batch.id])
    return Waiting(batch.id, batch.project_id, batch.queued, busy, batch.priority, families)


def _standing(tools: Tools, upstream: Upstream) -> Standing:
    """Whether calls with this provider's key make sense now; its batches say so where they do not."""
    name = upstream.name
    with transaction(tools.engine) as connection:
        standing = providers.standing(connection, name, upstream.key_fingerprint)
        if standing.paused_reason:
            batches.pause_key(connection, name, standing.paused_reason)
            return standing
        resumed = batches.release_key(connection, name)
    if resumed:
        logger("worker").info("the key is in use again", action="resume_key", provider=name)
    return standing


def _own_slots(tools: Tools, upstream: Upstream, slots: int) -> int:
    """A provider's share of all slots: one that is slow must not sit on those of the others."""
    return ceil(slots * upstream.limiter.limits.in_flight / tools.in_flight)


def _take_back(tools: Tools, messages: Sequence[Dispatched]) -> None:
    logger("worker").warning("the broker is away", action="take_back", jobs=len(messages))
    with transaction(tools.engine) as connection:
        tickets = [(message.job_id, message.token) for message in messages]
        jobs.give_back(connection, tickets, LATER)
    tools.wake.ring_in(LATER.total_seconds())
