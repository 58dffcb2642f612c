"""Every alert is fired by causing what it is there for, and is silent while all is well."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from monitor import Monitor, rules
from sqlalchemy import Engine, update
from stage import Stage, succeeded
from world import World

from api.instruments import Instruments, opened
from api.projects import Projects
from darkroom.domain.retention import Retention
from darkroom.fetching import Guard
from darkroom.limits import LimiterAway
from darkroom.local.ports import free_port
from darkroom.lookout import Lookout
from darkroom.store import jobs, workers
from darkroom.store.session import transaction
from darkroom.store.tables import attempts, batches
from darkroom.store.tables import jobs as job_rows
from darkroom.store.tables import workers as worker_rows
from worker.attempt import attempt
from worker.crew import CHORES, Chore, Crew
from worker.dispatch import dispatch
from worker.ingest import ingest
from worker.metrics import served
from worker.tools import Tools


@pytest.fixture
def instruments_of(
    database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[Callable[..., Instruments]]:
    """Opens what an API works with, here or elsewhere."""
    with ExitStack() as stack:

        def made(database: str = database_url, redis: str = redis_url) -> Instruments:
            storage = (tmp_path / "blobs").as_uri()
            projects = Projects("default", {})
            return stack.enter_context(
                opened(
                    database, storage, redis, 1, projects,
                    models_of=lambda _: None, retention=Retention(), lookout=Lookout(Guard()),
                )
            )  # fmt: skip

        yield made


@pytest.fixture
def monitor(instruments_of, engine: Engine) -> Monitor:
    """A monitor of an installation where all is well and one worker lives."""
    with transaction(engine) as connection:
        workers.beat(connection, "w1", 8, ["default"])
    made = Monitor(instruments_of())
    assert made.firing() == set()
    return made


@pytest.fixture
def stage(engine: Engine) -> Stage:
    return Stage(engine)


def handed_out(world: World, tools: Tools, *prompts: str, **options: object):
    batch_id = world.submit(prompts, **options)
    assert ingest(tools)
    with transaction(tools.engine) as connection:
        return jobs.dispatch(connection, batch_id, ["gpt-image-2"], len(prompts))


def try_all(world: World, tools: Tools, *prompts: str, **options: object) -> None:
    for message in handed_out(world, tools, *prompts, **options):
        attempt(tools, message.job_id, message.token)


def an_hour_passes(engine: Engine) -> None:
    """For all that is written down about batches and jobs."""
    hour = timedelta(hours=1)
    with transaction(engine) as connection:
        b = batches.c
        connection.execute(
            update(batches).values(
                created_at=b.created_at - hour, in_progress_at=b.in_progress_at - hour
            )
        )
        connection.execute(update(job_rows).values(due_at=job_rows.c.due_at - hour))
        connection.execute(update(attempts).values(ended_at=attempts.c.ended_at - hour))


def test_work_that_is_due_and_does_not_go_on(monitor, stage, engine):
    batch_id = stage.batch(2)
    an_hour_passes(engine)
    assert monitor.firing() == {"DarkroomNoProgress"}
    [message] = stage.dispatch(batch_id, 1)
    stage.settle(stage.begin(message), succeeded())
    assert monitor.firing() == set()
    an_hour_passes(engine)
    assert monitor.firing() == {"DarkroomNoProgress"}


def test_another_batch_that_goes_on_is_progress(monitor, stage, engine):
    waits, goes_on = stage.batch(1), stage.batch(1, priority=5)
    an_hour_passes(engine)
    stage.settle(stage.begin(stage.dispatch(goes_on)[0]), succeeded())
    assert monitor.firing() == set()
    stage.sql("UPDATE batches SET paused_reason = 'requested' WHERE id = :id", id=waits)
    an_hour_passes(engine)
    assert monitor.firing() == set(), "what a person paused is not due"


def test_no_worker_is_alive(monitor, stage, engine):
    stage.batch(1)
    assert monitor.firing() == set()
    silent = workers.SILENT_AFTER + timedelta(seconds=1)
    with transaction(engine) as connection:
        connection.execute(update(worker_rows).values(seen_at=worker_rows.c.seen_at - silent))
    assert monitor.firing() == {"DarkroomNoWorker"}


def test_a_key_that_is_refused(monitor, world: World, tools: Tools):
    world.sandbox.configure(api_key="sk-another")
    try_all(world, tools, "A print")
    dispatch(tools)
    assert monitor.firing() == {"DarkroomKeyPaused"}


def test_a_budget_that_has_no_room(monitor, world: World, tools: Tools):
    try_all(world, tools, "A print", cap="0.000001")
    assert monitor.firing() == {"DarkroomBudgetReached"}


def test_outcomes_that_nobody_knows(monitor, world: World, tools: Tools):
    monitor.tools = tools
    try_all(world, tools, "[[fault:html_200]] A print")
    assert monitor.firing() == {"DarkroomUnknownOutcomesRising"}


def test_a_bill_above_its_reservation(monitor, stage):
    reservation = stage.running()
    stage.settle(reservation, succeeded(cost="0.5"))
    assert monitor.firing() == set()
    reservation = stage.running()
    stage.settle(reservation, succeeded(cost="5"))
    assert monitor.firing() == {"DarkroomBillAboveReservation"}


def test_a_provider_that_is_gone(monitor, world: World, tools: Tools):
    messages = handed_out(world, tools, *(f"Print {number}" for number in range(8)))
    world.sandbox.process.close()
    for message in messages:
        attempt(tools, message.job_id, message.token)
    assert monitor.firing() == {"DarkroomProviderInTrouble"}


def test_an_answer_that_cannot_be_stored(monitor, tools: Tools):
    with tools.holdings.stuck():
        Crew(tools)._beat(tools)
    assert monitor.firing() == {"DarkroomStorageTrouble"}


def test_a_storage_that_takes_nothing(instruments_of, engine, tmp_path: Path):
    monitor = Monitor(instruments_of())
    (tmp_path / "blobs").rename(tmp_path / "gone")
    (tmp_path / "blobs").touch()
    assert "DarkroomStorageTrouble" in monitor.firing()


def test_a_disk_that_is_nearly_full(monitor, world: World, tools: Tools, monkeypatch):
    world.submit(["A print"])
    assert ingest(tools)
    monkeypatch.setattr("worker.hold.room_needed", lambda _: 1 << 62)
    assert dispatch(tools) == 0
    assert monitor.firing() == {"DarkroomDiskNearlyFull"}


def test_a_broker_that_is_away_from_the_workers(monitor, world: World, tools: Tools, tools_of):
    cut_off = tools_of(f"redis://127.0.0.1:{free_port()}/0")
    world.submit(["A print"])
    assert ingest(tools)
    with pytest.raises(LimiterAway):
        dispatch(cut_off)
    assert monitor.firing() == {"DarkroomBrokerTrouble"}


def test_a_broker_that_is_away_from_the_api(instruments_of, engine):
    monitor = Monitor(instruments_of(redis=f"redis://127.0.0.1:{free_port()}/0"))
    assert monitor.firing() == {"DarkroomBrokerTrouble"}


def test_a_database_that_is_away(instruments_of):
    monitor = Monitor(instruments_of(f"postgresql://nobody@127.0.0.1:{free_port()}/none"))
    assert monitor.firing() == {"DarkroomDatabaseAway"}


def test_a_lease_that_nobody_reaps(monitor, stage):
    stage.running()
    assert monitor.firing() == set()
    stage.sql("UPDATE attempts SET lease_expires_at = begun_at - interval '1 second'")
    assert monitor.firing() == {"DarkroomLeasesNotReaped"}


def test_a_clock_that_stands_still(monitor, tools: Tools, monkeypatch, capsys):
    """It is let go on in the end, so that nothing is left behind."""
    begun, over, skipped = Event(), Event(), [0.0]

    def hang(_: Tools) -> int:
        begun.set()
        return int(over.wait(60))

    monkeypatch.setitem(CHORES, "reap", Chore(hang, 1.0))
    slow = replace(tools, stopwatch=lambda: tools.stopwatch() + skipped[0])
    monitor.tools = slow
    crew = Crew(slow)
    crew.start()
    try:
        assert begun.wait(60)
        assert monitor.firing() == set()
        skipped[0] = 61.0
        assert monitor.firing() == {"DarkroomClockStalled"}
        crew._beat(slow)
    finally:
        over.set()
        crew.stop()
    assert "clock_stalled" in capsys.readouterr().out


def test_a_worker_that_does_not_answer_its_monitor(monitor, tools: Tools):
    port = free_port()
    monitor.targets = {"darkroom-workers": f"http://127.0.0.1:{port}/metrics"}
    with served(tools, "127.0.0.1", port):
        assert monitor.firing() == set()
    assert monitor.firing() == {"DarkroomTargetDown"}


def test_a_disk_for_images_that_is_nearly_full(monitor, monkeypatch):
    monkeypatch.setattr("darkroom.blobs.disk.DiskStore.free_bytes", lambda _: 4_999_999_999)
    assert monitor.firing() == {"DarkroomDiskNearlyFull"}


def test_each_alert_has_its_test():
    """A rule nobody has seen fire may be one that cannot."""
    source = Path(__file__).read_text("utf-8")
    fired = set(re.findall(r'"(Darkroom\w+)"[}\s]', source))
    assert fired == rules().keys()
