"""Whatever is killed: nothing is left, nothing is lost, and nobody else is hurt."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict

import psutil
import psycopg
import pytest
import redis

from darkroom.local.home import Home, write_private
from darkroom.local.leftovers import sweep
from darkroom.local.patience import until
from darkroom.local.stack import Stack
from darkroom.local.trace import Trace, started

PATIENCE = 15


def gone(traces):
    return until(lambda: not any(trace.alive for trace in traces), PATIENCE)


def kill(trace):
    os.kill(trace.pid, signal.SIGKILL)


@pytest.fixture
def sleeper():
    """A process that is none of ours."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of the death")
def test_a_killed_supervisor_leaves_nothing_and_the_next_goes_on(supervise, seeded):
    services = [{"name": "api"}, {"name": "worker", "manner": "stubborn", "drains": True}]
    first = supervise(services=services)
    urls = first.wait_for("ready")
    with psycopg.connect(urls["database"]) as connection:
        connection.execute("CREATE TABLE mark AS SELECT 1")
    family = psutil.Process(first.process.pid).children(recursive=True)
    traces = [Trace.of("one", process.pid) for process in family]
    assert len(traces) > 6  # Postgres has children of its own
    first.process.kill()
    first.process.wait()
    assert gone(traces)
    assert Stack.running(seeded) is None

    second = supervise(services=services)
    with psycopg.connect(second.wait_for("ready")["database"]) as connection:
        assert connection.execute("SELECT count(*) FROM mark").fetchone() == (1,)
    second.process.send_signal(signal.SIGINT)
    second.wait_for("say", "stopping worker")
    second.process.send_signal(signal.SIGINT)
    second.wait_for("stopped")


def test_killed_servers_come_back_on_their_ports_with_their_data(supervise, seeded):
    stack = supervise(durable=True)
    urls = stack.wait_for("ready")
    with psycopg.connect(urls["database"]) as connection:
        connection.execute("CREATE TABLE mark AS SELECT 1")
    with redis.Redis.from_url(urls["redis"]) as client:
        client.set("mark", "kept")
    postgres, valkey = stack.child("postgres"), stack.child("valkey")
    kill(postgres)
    kill(valkey)
    stack.wait_for("say", "postgres was killed by SIGKILL; next start in 0.5 s")
    stack.wait_for("say", "is started again")
    stack.wait_for("say", "is started again")
    assert until(lambda: count_of_marks(urls) == 1, PATIENCE)
    with redis.Redis.from_url(urls["redis"]) as client:
        assert until(client.ping, PATIENCE)
        assert client.get("mark") == b"kept"
    assert until(lambda: stack.child("postgres").pid != postgres.pid, PATIENCE)
    stack.stop()


def count_of_marks(urls):
    try:
        with psycopg.connect(urls["database"]) as connection:
            return connection.execute("SELECT count(*) FROM mark").fetchone()[0]
    except psycopg.OperationalError:
        return None


def test_a_killed_service_is_started_again(supervise_services):
    stack = supervise_services({"name": "api"}, {"name": "worker"})
    before = stack.child("worker")
    kill(before)
    stack.wait_for("say", "worker was killed by SIGKILL")
    stack.wait_for("say", "worker is started again")
    assert until(lambda: stack.notes.count("worker up") == 2, PATIENCE)
    assert stack.notes.count("api up") == 1
    assert until(lambda: stack.child("worker").alive, PATIENCE)
    stack.stop()


def remember(home, trace):
    """The state of a dead supervisor that had this child."""
    Home(home).prepare()
    state = {
        "supervisor": asdict(Trace("supervisor", 2**22 + 1, "long ago")),
        "ready": True,
        "api_url": "http://127.0.0.1:1",
        "flower_url": "http://127.0.0.1:2",
        "sandbox_url": None,
        "database_url": "postgresql://127.0.0.1:3/darkroom",
        "redis_url": "redis://127.0.0.1:4/0",
        "children": [asdict(trace)],
    }
    write_private(home / "run/state.json", json.dumps(state))


def test_a_left_over_is_ended(home, sleeper):
    remember(home, Trace.of("worker", sleeper.pid))
    said = []
    sweep(Home(home), said.append)
    assert said == [f"ending a left-over worker (pid {sleeper.pid})"]
    assert sleeper.wait(PATIENCE) == -signal.SIGTERM


def test_a_process_with_the_pid_of_a_left_over_is_not_touched(home, sleeper):
    remember(home, Trace("worker", sleeper.pid, "another time"))
    said = []
    sweep(Home(home), said.append)
    assert said == []
    assert sleeper.poll() is None
    assert Stack.running(home) is None


def test_postgres_starts_although_its_old_pid_is_somebody_elses(supervise, seeded, sleeper):
    lock = f"{sleeper.pid}\n{seeded / 'pg'}\n1700000000\n1\n\n127.0.0.1\n  1234567  1\nready   \n"
    (seeded / "pg/postmaster.pid").write_text(lock)
    stack = supervise()
    with psycopg.connect(stack.wait_for("ready")["database"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert sleeper.poll() is None
    stack.stop()


def test_a_postgres_that_outlived_its_supervisor_is_ended_first(supervise, seeded, tmp_path):
    first = supervise()
    first.wait_for("ready")
    postgres = first.child("postgres")
    # As where the kernel sends no signal: the state is lost, the server lives.
    copy = seeded.parent / "copy"
    shutil.copytree(seeded / "run", copy / "run")
    (copy / "run/state.json").unlink()
    (copy / "pg").symlink_to(seeded / "pg")
    said = []
    sweep(Home(copy), said.append)
    assert said == []  # another path is another directory
    sweep(Home(seeded), said.append)
    assert f"ending a left-over postgres (pid {postgres.pid})" in said
    assert started(postgres.pid) is None
    first.close()


def test_an_ended_process_has_no_start(sleeper):
    trace = Trace.of("sleeper", sleeper.pid)
    assert trace.alive
    sleeper.kill()
    assert until(lambda: not trace.alive, PATIENCE)  # not yet waited for: its pid still exists
    assert psutil.pid_exists(sleeper.pid)
