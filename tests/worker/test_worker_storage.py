"""A storage whose disk is not mounted, while workers live and while they start: nothing is laid out anew."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from books import agree
from hands import due_now, handed_out, states
from world import World

from darkroom.domain.job import JobState
from darkroom.domain.waiting import WaitingFor
from worker.app import boottime
from worker.attempt import attempt
from worker.dispatch import dispatch
from worker.hold import SAID_EVERY
from worker.ingest import ingest
from worker.tools import Tools


@contextmanager
def unmounted(world: World) -> Iterator[Path]:
    """The bare mount point, while its disk is elsewhere."""
    mounted, away = world.folder / "blobs", world.folder / "away"
    mounted.rename(away)
    mounted.mkdir()
    yield mounted
    assert list(mounted.iterdir()) == []
    mounted.rmdir()
    away.rename(mounted)


def held_up(world: World, batch_id) -> list[WaitingFor]:
    return [waiting.reason for waiting in world.batch(batch_id).waiting]


def test_a_worker_whose_disk_goes_hands_out_nothing_and_begins_nothing(
    world: World, tools: Tools
) -> None:
    batch_id, [message] = handed_out(world, tools, "A print")
    with unmounted(world):
        assert "the storage is in trouble" in attempt(tools, message.job_id, message.token).text
        due_now(world)
        assert dispatch(tools) == 0
        assert WaitingFor.STORAGE in held_up(world, batch_id)
    assert (world.attempts(), states(world, batch_id)) == ([], [JobState.QUEUED])
    assert dispatch(tools) == 1


def test_a_worker_that_starts_without_its_disk_works_when_it_is_there(world: World) -> None:
    first = world.start_worker()
    world.until(world.submit(["A print"]))
    first.send(signal.SIGTERM)
    first.wait()
    batch_id = world.submit(["Another print"])
    with unmounted(world):
        second = world.start_worker(DARKROOM_LOG_FORMAT="json")
        told = json.loads(second.saw("hold_dispatch"))
        assert "is not the storage of this database (its disk may not be mounted)" in told["reason"]
    second.saw("go_on")
    assert world.until(batch_id).images == 1
    agree(world)


def test_that_nothing_is_handed_out_is_said_as_it_begins_as_it_lasts_and_as_it_ends(
    world: World, tools: Tools, capsys
) -> None:
    passed = [0.0]
    tools = replace(tools, stopwatch=lambda: boottime() + passed[0])
    world.submit(["A print"])
    assert ingest(tools)
    with unmounted(world):
        for _ in range(20):
            assert dispatch(tools) == 0
        assert capsys.readouterr().out.count("hold_dispatch") == 1
        passed[0] += SAID_EVERY
        assert dispatch(tools) == 0
        assert capsys.readouterr().out.count("hold_dispatch") == 1
    assert dispatch(tools) == 1
    said = capsys.readouterr().out
    assert ("hold_dispatch" in said, said.count("go_on")) == (False, 1)
