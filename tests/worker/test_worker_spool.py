"""A storage in trouble after an image was paid for: the answer waits on disk, and is never bought again."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from books import agree
from sqlalchemy import update
from world import World

from darkroom.domain.answer import Answer
from darkroom.domain.attempt import AttemptState
from darkroom.domain.job import JobState
from darkroom.store import jobs, leases, workers
from darkroom.store.session import transaction
from darkroom.store.tables import attempts
from worker.attempt import attempt
from worker.dispatch import dispatch
from worker.ingest import ingest
from worker.inherit import inherit, salvage
from worker.reap import reap
from worker.tools import Tools


@contextmanager
def broken(folder: Path) -> Iterator[None]:
    """Nothing can be written there, as on a disk that is full or not mounted."""
    tmp, gone = folder / "tmp", folder / "gone"
    tmp.rename(gone)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            gone.rename(tmp)


def handed_out(world: World, tools: Tools, prompt: str = "A print"):
    batch_id = world.submit([prompt])
    assert ingest(tools)
    with transaction(tools.engine) as connection:
        [message] = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
    return batch_id, message


class Died(BaseException):
    """As by kill -9: nobody is there to catch it."""


@pytest.fixture
def paused(monkeypatch) -> list:
    """What is done where a worker would wait until the storage is back; then it dies."""
    acts = []

    def pause(tools: Tools, seconds: float) -> None:
        for act in acts:
            act()
        raise Died

    monkeypatch.setattr(Tools, "pause", pause)
    return acts


def died(world: World, tools: Tools):
    """A batch of one whose answer lies in the spool, its worker gone."""
    batch_id, message = handed_out(world, tools)
    with broken(world.folder / "blobs"), pytest.raises(Died):
        attempt(tools, message.job_id, message.token)
    return batch_id


def in_the_spool(world: World) -> list[Path]:
    return [path for path in world.spool.rglob("named/**/*") if path.is_file()]


def gone(world: World, tools: Tools) -> None:
    with transaction(world.engine) as connection:
        workers.leave(connection, tools.name)


def paid_once(world: World, batch_id) -> None:
    view = world.batch(batch_id)
    assert (view.counts.succeeded, view.images, view.cost.at_risk) == (1, 1, 0)
    assert world.sandbox.totals()["calls"] == 1
    assert in_the_spool(world) == []
    agree(world)


@pytest.mark.timeout(120)
def test_the_next_worker_brings_in_what_a_killed_one_left_in_the_spool(world: World) -> None:
    first = world.start_worker()
    batch_id = world.submit(["[[hold:one]] A print"])
    world.sandbox.wait(held=1)
    with broken(world.folder / "blobs"):
        world.sandbox.release("one")
        first.saw("spool_answer")
        [waiting] = in_the_spool(world)
        assert waiting.stat().st_mode & 0o777 == 0o600
        first.send(signal.SIGKILL)
        first.wait()
    gone_at_once = update(workers.workers).values(seen_at="2026-01-01T00:00:00Z")
    with transaction(world.engine) as connection:
        connection.execute(gone_at_once)
    world.start_worker()
    assert world.until(batch_id).unknown == 0
    paid_once(world, batch_id)


def test_what_waits_to_be_stored_is_on_disk_and_not_in_memory(
    world: World, tools: Tools, paused: list
) -> None:
    in_memory: list[Answer] = []
    beginning: list[bool] = []
    paused.append(
        lambda: in_memory.extend(one for one in gc.get_objects() if isinstance(one, Answer))
    )
    paused.append(lambda: beginning.append(not tools.holdings.is_stuck))
    died(world, tools)
    assert (in_memory, beginning) == ([], [False])
    [waiting] = in_the_spool(world)
    assert waiting.stat().st_size > 100


def test_a_storage_that_comes_back_takes_what_waited(
    world: World, tools: Tools, monkeypatch
) -> None:
    batch_id, message = handed_out(world, tools)
    with broken(world.folder / "blobs"):
        repair = lambda *_: (world.folder / "blobs" / "gone").rename(world.folder / "blobs" / "tmp")  # noqa: E731
        monkeypatch.setattr(Tools, "pause", repair)
        assert not attempt(tools, message.job_id, message.token).failed
    paid_once(world, batch_id)


def test_what_lies_in_the_spool_keeps_its_lease_and_is_its_own_worker_s_while_that_lives(
    world: World, tools: Tools, tools_of, paused: list
) -> None:
    batch_id, other = died(world, tools), tools_of(world.redis_url)
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at=attempts.c.begun_at))
    assert salvage(other) == 0
    with transaction(world.engine) as connection:
        assert leases.lost(connection, 10) == []
    gone(world, tools)
    assert (salvage(other), inherit(other)) == (1, 1)
    paid_once(world, batch_id)


def test_an_answer_of_its_own_that_nobody_is_at_any_more_is_brought_in(
    world: World, tools: Tools, paused: list
) -> None:
    batch_id = died(world, tools)
    assert (salvage(tools), salvage(tools), inherit(tools)) == (1, 0, 1)
    paid_once(world, batch_id)


def test_an_outcome_that_was_called_unknown_is_settled_from_the_spool(
    world: World, tools: Tools, tools_of, paused: list, monkeypatch
) -> None:
    """A worker without this spool was first to find the lease lost."""
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    batch_id = died(world, tools)
    gone(world, tools)
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at=attempts.c.begun_at))
    elsewhere = tools_of(world.redis_url, spool=world.folder / "another spool")
    reap(elsewhere)
    assert world.batch(batch_id).unknown == 1
    assert (salvage(tools), inherit(tools)) == (1, 1)
    paid_once(world, batch_id)


def test_what_was_settled_meanwhile_is_dropped(world: World, tools: Tools) -> None:
    batch_id, message = handed_out(world, tools)
    attempt(tools, message.job_id, message.token)
    [row] = world.attempts()
    tools.spool.keep(f"receipts/{row.id.hex}", [b"of an attempt that was settled"])
    assert salvage(tools) == 1
    paid_once(world, batch_id)


def test_an_answer_that_is_nobody_s_here_is_left_alone(world: World, tools: Tools) -> None:
    """Another installation on this machine may use the same folder."""
    tools.spool.keep(f"receipts/{'0' * 32}", [b"another's"])
    assert salvage(tools) == 0
    assert len(in_the_spool(world)) == 1


def test_with_a_spool_that_fails_too_the_answer_is_held_in_memory(
    world: World, tools: Tools, monkeypatch
) -> None:
    batch_id, message = handed_out(world, tools)
    held: list[int] = []

    def repair(*_: object) -> None:
        held.append(sum(isinstance(one, Answer) for one in gc.get_objects()))
        (world.folder / "blobs" / "gone").rename(world.folder / "blobs" / "tmp")

    monkeypatch.setattr(Tools, "pause", repair)
    with broken(world.folder / "blobs"), broken(world.spool):
        assert not attempt(tools, message.job_id, message.token).failed
    assert held == [1]
    paid_once(world, batch_id)


def test_no_call_begins_where_the_spool_has_no_room(
    world: World, tools: Tools, monkeypatch
) -> None:
    batch_id = world.submit(["A print"])
    assert ingest(tools)
    monkeypatch.setattr("darkroom.blobs.Spool.free_bytes", lambda _: 1)
    assert dispatch(tools) == 0
    assert [job.state for job in world.jobs(batch_id)] == [JobState.QUEUED]
    assert world.attempts() == []
    monkeypatch.undo()
    assert dispatch(tools) == 1
    assert AttemptState.RUNNING not in {row.state for row in world.attempts()}
