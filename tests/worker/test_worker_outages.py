"""A worker in this very process while something it leans on is away, or while something it had lost comes back."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from books import agree
from gallery import data_url, picture
from hands import due_now, handed_out, states
from sqlalchemy import event, select
from world import World

from darkroom.blobs import StorageFailed, open_store
from darkroom.domain.batch import PausedReason
from darkroom.domain.job import JobState
from darkroom.limits import Admitted, Limiter, LimiterAway
from darkroom.local.ports import free_port
from darkroom.store import batches, jobs
from darkroom.store.reservations import Claim
from darkroom.store.session import transaction
from darkroom.store.tables import jobs as job_rows
from worker import permits
from worker.attempt import attempt
from worker.dispatch import dispatch
from worker.ingest import ingest
from worker.tools import Tools
from worker.trouble import HOPELESS


@pytest.fixture
def nowhere() -> str:
    """The URL of a broker that is not there."""
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.fixture
def cut_off(tools_of, nowhere: str) -> Tools:
    """The tools of a worker whose broker, and so its limiter, is not there."""
    return tools_of(nowhere)


def test_without_a_broker_what_was_handed_out_goes_back_and_is_handed_out_later(
    world: World, tools: Tools, cut_off: Tools
) -> None:
    batch_id = world.submit(["A print", "Another print"])
    assert ingest(tools)
    with pytest.raises(LimiterAway):
        dispatch(cut_off)
    assert states(world, batch_id) == [JobState.QUEUED, JobState.QUEUED]
    assert dispatch(replace(tools, publish=cut_off.publish)) == 0
    view = world.batch(batch_id)
    assert (view.counts.queued, view.counts.dispatched) == (2, 0)
    assert dispatch(tools) == 0, "due a moment later, for the broker may be back by then"
    due_now(world)
    assert dispatch(tools) == 2
    assert all(job.failure is None for job in world.jobs(batch_id))
    assert world.attempts() == []


def test_a_message_that_was_taken_back_begins_nothing(world: World, tools: Tools) -> None:
    batch_id, [message] = handed_out(world, tools, "A print")
    with transaction(tools.engine) as connection:
        jobs.give_back(connection, [(message.job_id, message.token)], timedelta(0))
        [again] = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
    assert "other_token" in attempt(tools, message.job_id, message.token).text
    assert not attempt(tools, again.job_id, again.token).failed
    assert world.sandbox.totals()["calls"] == 1


def test_a_limiter_that_goes_in_mid_batch_costs_no_job_anything(
    world: World, tools: Tools, cut_off: Tools
) -> None:
    batch_id, [first, second] = handed_out(world, tools, "A print", "Another print")
    assert not attempt(tools, first.job_id, first.token).failed
    report = attempt(cut_off, second.job_id, second.token)
    assert "the limiter is away" in report.text
    assert not report.failed
    assert states(world, batch_id) == [JobState.SUCCEEDED, JobState.QUEUED]
    due_now(world)
    with transaction(tools.engine) as connection:
        [message] = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
    assert not attempt(tools, message.job_id, message.token).failed
    assert world.sandbox.totals()["calls"] == len(world.attempts()) == 2
    agree(world)


def test_a_limiter_that_goes_in_mid_call_keeps_no_image_from_being_settled(
    world: World, cut_off: Tools, monkeypatch
) -> None:
    batch_id, [message] = handed_out(world, cut_off, "A print")
    admitted = Admitted(timedelta(0))
    monkeypatch.setattr("darkroom.limits.Limiter.acquire", lambda *_: admitted)
    assert not attempt(cut_off, message.job_id, message.token).failed
    assert states(world, batch_id) == [JobState.SUCCEEDED]
    agree(world)


def handled(tools: Tools, batch_id) -> str:
    """What becomes of the one job that is due."""
    with transaction(tools.engine) as connection:
        [message] = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
    return attempt(tools, message.job_id, message.token).text


@dataclass(frozen=True)
class Lending:
    """A store whose pictures come as it is told."""

    store: object
    local: object

    def __getattr__(self, name: str):
        return getattr(self.store, name)


def test_pictures_are_at_hand_before_anything_is_begun(world: World, tools: Tools) -> None:
    batch_id, [message] = handed_out(world, tools, {"prompt": "blue", "image": data_url(picture())})
    begun = []

    def away(sha256: str):
        begun.append(world.attempts())
        raise StorageFailed("read a blob", "the storage is away", "look at it")

    report = attempt(
        replace(tools, blobs=Lending(tools.blobs, away)), message.job_id, message.token
    )
    assert "the storage is in trouble" in report.text
    assert begun == [[]]
    assert (world.attempts(), states(world, batch_id)) == ([], [JobState.QUEUED])
    due_now(world)
    assert "1 image" in handled(tools, batch_id)
    agree(world)


def test_a_picture_that_alone_is_never_given_ends_its_job_and_nothing_is_spent(
    world: World, tools: Tools
) -> None:
    """As a bucket answers 403 for what is gone, or a file of somebody else's."""
    clock = [tools.stopwatch()]
    tools = replace(tools, stopwatch=lambda: clock[0])
    batch_id, [message] = handed_out(world, tools, {"prompt": "blue", "image": data_url(picture())})
    [path] = blobs_of(world, batch_id)
    path.rename(path.with_suffix(".aside"))
    path.mkdir()
    report = attempt(tools, message.job_id, message.token)
    assert "the storage is in trouble" in report.text
    clock[0] += HOPELESS.total_seconds() + 1
    due_now(world)
    assert "reference_unreadable" in handled(tools, batch_id)
    assert_failed_unspent(world, batch_id, "Is a directory")


def test_a_picture_that_is_no_longer_what_it_was_is_not_sent(world: World, tools: Tools) -> None:
    batch_id, [message] = handed_out(world, tools, {"prompt": "blue", "image": data_url(picture())})
    [path] = blobs_of(world, batch_id)
    path.write_bytes(b"")
    assert "reference_broken" in attempt(tools, message.job_id, message.token).text
    assert_failed_unspent(world, batch_id, "is broken in the storage")


def blobs_of(world: World, batch_id) -> list[Path]:
    """Where the pictures of its jobs lie."""
    store = open_store(world.storage_url)
    return [store.path(one) for job in world.jobs(batch_id) for one in job.request["images"]]


def assert_failed_unspent(world: World, batch_id, words: str) -> None:
    [job], view = world.jobs(batch_id), world.batch(batch_id)
    assert job.state is JobState.FAILED
    assert words in job.failure["message"]
    assert (view.cost.spent, view.cost.reserved, view.cost.at_risk) == (0, 0, 0)
    assert world.sandbox.calls() == []
    agree(world)


def test_a_lease_that_a_slow_begin_used_up_is_not_held_against_the_job(
    world: World, tools: Tools
) -> None:
    batch_id, [message] = handed_out(world, tools, "A print")
    now, ask = [0.0], tools.tellers.begins.ask

    def slow(claim: Claim):
        now[0] += 25
        return ask(claim)

    tools.tellers.begins.ask = slow
    frozen = replace(tools, stopwatch=lambda: now[0])
    assert "begin_slow" in attempt(frozen, message.job_id, message.token).text
    with transaction(world.engine) as connection:
        assert connection.execute(select(job_rows.c.losses)).scalars().all() == [0]
    assert states(world, batch_id) == [JobState.QUEUED]
    agree(world)


def test_a_database_that_goes_while_something_is_begun_leaves_nothing_begun(
    world: World, tools: Tools
) -> None:
    """The connection is cut as the begin's own transaction holds the job."""
    batch_id, [message] = handed_out(world, tools, "A print")
    serve = tools.tellers.begins._serve

    def cut(connection, claims):
        answers = serve(connection, claims)
        tools.tellers.begins._serve = serve
        [pid] = connection.exec_driver_sql("SELECT pg_backend_pid()").one()
        with psycopg.connect(world.database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return answers

    tools.tellers.begins._serve = cut
    assert "before anything was begun" in attempt(tools, message.job_id, message.token).text
    assert (world.attempts(), world.sandbox.totals()["calls"]) == ([], 0)
    assert states(world, batch_id) == [JobState.DISPATCHED]
    assert not attempt(tools, message.job_id, message.token).failed
    agree(world)


def test_a_lock_that_was_waited_for_in_vain_says_nothing_about_anybodys_heartbeat(
    world: World, tools: Tools
) -> None:
    """Only a lost database excuses those who are silent."""
    batch_id, [message] = handed_out(world, tools, "A print")
    at_once = "SET LOCAL lock_timeout = 1"
    event.listen(tools.engine, "begin", lambda connection: connection.exec_driver_sql(at_once))
    with transaction(world.engine) as connection:
        batches.pause(connection, batch_id, PausedReason.REQUESTED, None)
    with transaction(world.engine) as holder:
        batches.cancel(holder, batch_id)
        report = attempt(tools, message.job_id, message.token)
    assert "the database is busy" in report.text
    assert tools.holdings.outage_at == float("-inf")


def test_calls_in_hand_are_counted_again_with_their_own_provider_and_no_longer_than_they_run(
    world: World, tools: Tools
) -> None:
    limiter, attempt_id = tools.upstreams["default"].limiter, tools.new_id()
    with tools.holdings.attempt(attempt_id), tools.holdings.call(attempt_id, "default"):
        assert permits.renew(tools) == 1
        assert limiter.known("gpt-image").in_flight == 1
        limiter.release(attempt_id.hex)
    with tools.holdings.attempt(attempt_id), tools.holdings.call(attempt_id, "another"):
        assert permits.renew(tools) == 0
        assert limiter.known("gpt-image").in_flight == 0


def test_a_call_that_ends_while_its_permit_is_renewed_keeps_no_place(
    world: World, tools: Tools, monkeypatch
) -> None:
    attempt_id, renew = tools.new_id(), Limiter.renew
    call = tools.holdings.call(attempt_id, "default")
    call.__enter__()

    def late(limiter: Limiter, names: list[str]) -> None:
        """The call has ended, and the limiter heard of it, since the list was made."""
        call.__exit__(None, None, None)
        renew(limiter, names)

    monkeypatch.setattr(Limiter, "renew", late)
    permits.renew(tools)
    assert tools.upstreams["default"].limiter.known("gpt-image").in_flight == 0
