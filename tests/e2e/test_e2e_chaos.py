"""A bounded chaos: connections are cut and workers killed every few seconds, and no image is paid for twice."""

import signal
from collections import Counter

import pytest
from world import World, agree

from darkroom.domain.attempt import AttemptState

PROMPTS = 200
CUTS = [{"fault": name, "probability": 0.025} for name in ("cut_before", "cut_middle")]
KILLS = 3
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


@pytest.mark.timeout(240)
def test_with_cut_connections_and_killed_workers_billed_is_succeeded_and_unknown(
    world: World,
) -> None:
    world.sandbox.configure(latency=[0.3, 1.5], faults=CUTS)
    for worker in [world.launch_worker(**PACE) for _ in range(2)]:
        worker.saw(" ready.")
    batch_id = world.submit([f"Print number {number}" for number in range(PROMPTS)])
    kill_every_few_seconds(world)
    view = world.until(batch_id, timeout=150)
    world.sandbox.wait(in_flight=0)
    assert view.counts.succeeded + view.counts.failed == PROMPTS
    assert view.counts.failed == view.unknown > 0
    calls = world.sandbox.calls()
    billed = Counter(call["prompt"] for call in calls if call["images_billed"])
    assert max(billed.values()) == 1
    seen = {call["client_request_id"] for call in calls}
    unknown = {row.id.hex for row in world.attempts() if row.state == AttemptState.UNKNOWN}
    unseen = unknown - seen
    """Their workers died between the row and the socket."""
    unread = {call["client_request_id"] for call in calls if call["status"] == "gone"}
    """Theirs died while they were sending: the provider never had the whole of what they asked for."""
    in_vain = unseen | unread & unknown
    assert billed.total() == view.counts.succeeded + view.unknown - len(in_vain), calls
    agree(world, unseen)
