"""A bounded chaos: connections are cut and workers killed every few seconds, and no image is paid for twice."""

import signal
from collections import Counter
from decimal import Decimal

import pytest
from books import agree
from world import World

from darkroom.domain.attempt import AttemptState

PROMPTS = 120
CUTS = [{"fault": name, "probability": 0.025} for name in ("cut_before", "cut_middle")]
KILLS = 3
CAP = Decimal("1.5")
PACE = {
    "DARKROOM_IMAGES_PER_MINUTE": "600",
    "DARKROOM_ON_UNKNOWN": "fail",
    "DARKROOM_WORKERS": "2",
}


def kill_every_few_seconds(world: World) -> None:
    """Each time in the midst of calls; another worker takes over at once."""
    for _ in range(KILLS):
        calls = world.sandbox.totals()["calls"]
        world.sandbox.wait(calls=int(str(calls)) + 20)
        victim = world.processes[-2]
        victim.send(signal.SIGKILL)
        victim.wait()
        world.start_worker(**PACE)


def dear(number: int) -> dict[str, object]:
    """A prompt at one of several prices."""
    size = ("1024x1024", "1536x1024", "2048x2048")[number % 3]
    return {
        "prompt": f"Dear print {number}",
        "quality": ("low", "medium")[number % 2],
        "size": size,
    }


def billed_for(world: World, batch_id) -> Decimal:
    """What the provider's own ledger says that a batch has cost."""
    ours = {row.id.hex for row in world.attempts() if row.batch_id == batch_id}
    calls = world.sandbox.calls()
    costs = (str(call["cost"]) for call in calls if call["client_request_id"] in ours)
    return sum(map(Decimal, costs), Decimal(0))


@pytest.mark.timeout(240)
def test_with_cut_connections_and_killed_workers_billed_is_succeeded_and_unknown(
    world: World,
) -> None:
    """And a batch beside it, of many prices, has cost less than its cap in the provider's own ledger."""
    world.sandbox.configure(latency=[0.3, 1.5], faults=CUTS)
    for worker in [world.launch_worker(**PACE) for _ in range(2)]:
        worker.saw(" ready.")
    batch_id = world.submit([f"Print number {number}" for number in range(PROMPTS)])
    capped = world.submit([dear(number) for number in range(PROMPTS)], cap=str(CAP))
    kill_every_few_seconds(world)
    view = world.until(batch_id, timeout=150)
    world.until_view(capped, lambda view: view.paused_reason and not view.counts.running)
    world.sandbox.wait(in_flight=0)
    assert 0 < billed_for(world, capped) <= CAP
    assert view.counts.succeeded + view.counts.failed == PROMPTS
    assert view.counts.failed == view.unknown > 0
    rows = [row for row in world.attempts() if row.batch_id == batch_id]
    ours = {row.id.hex for row in rows}
    calls = [call for call in world.sandbox.calls() if call["client_request_id"] in ours]
    billed = Counter(call["prompt"] for call in calls if call["images_billed"])
    assert max(billed.values()) == 1
    unknown = {row.id.hex for row in rows if row.state == AttemptState.UNKNOWN}
    unread = {call["client_request_id"] for call in calls if call["status"] == "gone"}
    """Theirs died while they were sending: the provider never had the whole of what they asked for."""
    in_vain = unseen(world, rows) | unread & unknown
    assert billed.total() == view.counts.succeeded + view.unknown - len(in_vain), calls
    agree(world, unseen(world, world.attempts()))


def unseen(world: World, rows) -> set[str]:
    """Unknown attempts whose workers died between the row and the socket."""
    unknown = {row.id.hex for row in rows if row.state == AttemptState.UNKNOWN}
    return unknown - {call["client_request_id"] for call in world.sandbox.calls()}
