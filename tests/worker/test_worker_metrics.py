"""What a worker counts, and how it stands, as a monitor reads it from its port."""

import urllib.request
from datetime import timedelta

import pytest
from celery import Celery
from monitor import parsed
from world import World

from darkroom.domain.limit import Heard, Sign
from darkroom.local.ports import free_port
from darkroom.settings import Settings
from darkroom.store import jobs
from darkroom.store.session import transaction
from worker.app import _Process
from worker.attempt import attempt
from worker.crew import Crew
from worker.ingest import ingest
from worker.metrics import served
from worker.reap import reap
from worker.tools import Tools


def read(port: int):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return parsed(answer.read().decode())


def value(values, name: str, **wanted: str) -> float:
    [found] = [one for labels, one in values[name] if labels == wanted]
    return found


def test_it_counts_calls_images_money_and_refusals(world: World, tools: Tools, monkeypatch) -> None:
    batch_id = world.submit(["[[fault:rate_limit=30*1]] A print", "Another", "A third"])
    assert ingest(tools)
    port = free_port()
    with served(tools, "127.0.0.1", port):
        assert "darkroom_worker_last_clock_age_seconds" not in read(port)
        with transaction(tools.engine) as connection:
            messages = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 3)
        for message in messages[:2]:
            attempt(tools, message.job_id, message.token)
        Crew(tools)._guarded("reap", reap)
        now = read(port)
    default = {"provider": "default"}
    ended = "darkroom_worker_attempts_total"
    assert value(now, ended, outcome="failed", failure="rate_limited", **default) == 1
    assert value(now, "darkroom_worker_rate_limited_total", **default) == 1
    assert value(now, "darkroom_worker_call_seconds_count", **default) >= 1
    assert value(now, "darkroom_worker_duty_seconds_count", duty="reap") == 1
    assert value(now, "darkroom_worker_limiter_in_flight", **default) == 0
    assert value(now, "darkroom_worker_limiter_headroom", **default) == 30
    assert value(now, "darkroom_worker_database_connections", state="most") == 16
    assert value(now, "darkroom_worker_slots") == tools.slots
    made = value(now, "darkroom_worker_images_total", **default)
    spent = float(world.batch(batch_id).cost.spent)
    assert value(now, "darkroom_worker_spend_dollars_total", **default) == pytest.approx(spent)
    assert made == world.batch(batch_id).images


def test_it_counts_what_was_left_and_what_the_limiter_denied(world: World, tools: Tools) -> None:
    rest = Heard(Sign.REFUSED, timedelta(seconds=50))
    for _ in range(3):
        tools.upstreams["default"].limiter.hear("p", "gpt-image", rest)
    batch_id = world.submit(["A print", "Another"])
    assert ingest(tools)
    with transaction(tools.engine) as connection:
        [denied, left] = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 2)
    attempt(tools, denied.job_id, denied.token)
    with transaction(tools.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE jobs SET ticket_expires_at = now() - interval '1 s' WHERE state = 'dispatched'"
        )
    assert reap(tools) == 1
    port = free_port()
    with served(tools, "127.0.0.1", port):
        now = read(port)
    default = {"provider": "default"}
    assert value(now, "darkroom_worker_permits_denied_total", dimension="cool_down", **default) == 1
    assert value(now, "darkroom_worker_permit_wait_seconds_count", **default) == 1
    assert value(now, "darkroom_worker_limiter_cooling_seconds", family="gpt-image", **default) > 40
    assert value(now, "darkroom_worker_tickets_lapsed_total") == 1
    assert left.job_id


def test_without_its_limiter_it_still_answers(tools_of) -> None:
    port = free_port()
    with served(tools_of(f"redis://127.0.0.1:{free_port()}/0"), "127.0.0.1", port):
        now = read(port)
    assert "darkroom_worker_slots" in now
    assert "darkroom_worker_limiter_in_flight" not in now


def test_a_port_that_is_taken_is_named(tools: Tools) -> None:
    port = free_port()
    process = _Process(Settings(metrics_port=port), Celery(set_as_current=False), lambda *_: tools)
    with served(tools, "127.0.0.1", port), pytest.raises(SystemExit, match=f"METRICS_PORT={port}"):
        process.prepare()
