"""Five hundred calls at once, of many prices, some of which never end well: no budget is overspent."""

import random
import signal
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import pytest
from books import agree
from factories import MODELS
from hands import LONG_AGO, due_now
from sqlalchemy import update
from world import Process, World

from darkroom.domain.attempt import AttemptState
from darkroom.domain.batch import PausedReason
from darkroom.domain.job import JobState
from darkroom.domain.request import Priced, resolve
from darkroom.store import budgets, hints
from darkroom.store.budgets import Allowance
from darkroom.store.insights import BatchView
from darkroom.store.session import transaction
from darkroom.store.tables import attempts, jobs

CROWD = 500
SILENT, EARLY, LATE = 4, 576, 60
WIDE = {
    "DARKROOM_MAX_IN_FLIGHT": str(CROWD),
    "DARKROOM_WORKERS": "2",
    "DARKROOM_FIRST_CALLS": str(CROWD),
    # Cut calls end before those that are held: that they alone may pause a batch is another test's.
    "DARKROOM_VAIN_CALLS": str(CROWD),
    "DARKROOM_REQUESTS_PER_MINUTE": "60000",
    "DARKROOM_TIMEOUTS": '{"2048x2048": 3}',
}
TROUBLE = [
    {"fault": name, "probability": 0.03}
    for name in ("cut_before", "cut_middle", "gateway_timeout", "server_error")
]
GATES = ("first", "second", "third")


def rows() -> list[dict[str, object]]:
    """Prompts of random prices: the first are never answered, and most of the others are held at one of three gates."""
    dice = random.Random(4)
    silent = [never(priced(f"Silent {at}", dice)) for at in range(SILENT)]
    early = [priced(f"[[hold:{dice.choice(GATES)}]] Print {at}", dice) for at in range(EARLY)]
    late = [priced(f"Print {EARLY + at}", dice) for at in range(LATE)]
    return [*silent, *early, *late]


def priced(prompt: str, dice: random.Random) -> dict[str, object]:
    return {
        "prompt": prompt,
        "quality": dice.choice(("low", "medium")),
        "size": dice.choice(("1024x1024", "1536x1024", "1024x1536")),
        "n": dice.choice((1, 1, 2)),
    }


def never(row: Mapping[str, object]) -> dict[str, object]:
    """The provider is silent, until the short time for this size is over."""
    return {**row, "prompt": f"[[fault:hang]] {row['prompt']}", "size": "2048x2048"}


def most(some: list[dict[str, object]]) -> Decimal:
    """What they would reserve all together."""
    found = [resolve(row, MODELS) for row in some]
    assert all(isinstance(one, Priced) for one in found)
    return sum((one.bound for one in found), Decimal(0))


def billed(world: World, batch_id: UUID | None = None) -> Decimal:
    """What the provider's own ledger says, of one batch or of all."""
    ours = {row.id.hex for row in world.attempts() if batch_id in (None, row.batch_id)}
    calls = world.sandbox.calls()
    costs = (str(call["cost"]) for call in calls if call["client_request_id"] in ours)
    return sum(map(Decimal, costs), Decimal(0))


def bury(world: World, dead: Process) -> None:
    """Its leases have run out, and the tickets of the messages that it had taken."""
    lost = attempts.c.worker.contains(f":{dead.pid}:")
    running = attempts.c.state == AttemptState.RUNNING
    handed_out = jobs.c.state == JobState.DISPATCHED
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).where(lost, running).values(lease_expires_at=LONG_AGO))
        connection.execute(update(jobs).where(handed_out).values(ticket_expires_at=LONG_AGO))
        hints.ring(connection)


def until_stopped(world: World, batch_id: UUID) -> None:
    """Waits until a budget has no room for its next call, whatever was tried again."""

    def stopped(view: BatchView) -> bool:
        due_now(world)
        return view.paused_reason == PausedReason.BUDGET and not view.counts.running

    world.until_view(batch_id, stopped)


@pytest.mark.timeout(120)
def test_with_five_hundred_calls_at_once_no_budget_is_overspent(world: World) -> None:
    """Random prices, cut connections, timeouts and a worker killed in the midst: a batch's cap and its
    project's hold in the provider's own ledger."""
    some = rows()
    cap, whole = most(some[::2]) * 17 / 20, most(some) * 17 / 20
    with transaction(world.engine) as connection:
        budgets.allow(connection, {"default": Allowance(total=whole)})
    world.sandbox.configure(faults=TROUBLE, canned_bytes=0)
    workers = [world.launch_worker(**WIDE) for _ in range(2)]
    for worker in workers:
        worker.saw(" ready.")
    capped = world.submit(some[::2], cap=str(cap))
    other = world.submit(some[1::2])
    world.sandbox.wait(held=CROWD)
    for gate in GATES[:2]:
        world.sandbox.release(gate)
    world.sandbox.wait(ended=CROWD // 4)
    workers[0].send(signal.SIGKILL)
    workers[0].wait()
    bury(world, workers[0])
    world.sandbox.release(GATES[2])
    for batch_id in (capped, other):
        until_stopped(world, batch_id)
    world.sandbox.wait(in_flight=0)
    seen = world.sandbox.totals()
    assert seen["peak_in_flight"] == CROWD
    assert {"hang", *(one["fault"] for one in TROUBLE)} <= seen["by_fault"].keys()
    assert 0 < billed(world, capped) <= cap
    assert 0 < billed(world) <= whole
    agree(world, unseen(world))


def unseen(world: World) -> set[str]:
    """Unknown attempts whose worker died between the row and the socket."""
    unknown = {row.id.hex for row in world.attempts() if row.state == AttemptState.UNKNOWN}
    return unknown - {call["client_request_id"] for call in world.sandbox.calls()}
