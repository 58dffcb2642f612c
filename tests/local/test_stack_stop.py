"""Ctrl-C: once drains in order, twice ends at once."""

import os
import signal
from threading import Event, Timer

from darkroom.local.plan import Plan
from darkroom.local.stack import Stack

PATIENCE = 15

SERVICES = [
    {"name": "api"},
    {"name": "worker-1", "drains": True},
    {"name": "worker-2", "drains": True},
    {"name": "flower"},
    {"name": "sandbox"},
]


def stops(stack):
    return [fact["say"] for fact in stack.said if fact.get("say", "").startswith("stopping")]


def test_workers_drain_first_and_the_servers_go_last(supervise, seeded):
    stack = supervise(services=SERVICES)
    stack.wait_for("ready")
    stack.stop()
    assert stops(stack) == [
        "stopping worker-1, worker-2",
        "stopping api",
        "stopping flower",
        "stopping sandbox",
        "stopping valkey",
        "stopping postgres",
    ]
    ends = [line for line in stack.notes if line.endswith(" SIGTERM")]
    assert sorted(ends[:2]) == ["worker-1 SIGTERM", "worker-2 SIGTERM"]
    assert ends[2:] == ["api SIGTERM", "flower SIGTERM", "sandbox SIGTERM"]
    assert (seeded / "log/postgres.log").read_text().count("database system is shut down") == 2


def test_only_the_supervisor_hears_ctrl_c(supervise_services):
    stack = supervise_services({"name": "api"}, {"name": "worker", "drains": True})
    assert all(os.getsid(child.pid) == child.pid for child in stack.running.children)
    os.killpg(stack.process.pid, signal.SIGINT)  # as a terminal does
    stack.wait_for("stopped")
    assert not any(line.endswith("SIGINT") for line in stack.notes)


def test_a_second_ctrl_c_ends_services_at_once_and_servers_cleanly(supervise, seeded):
    stubborn = {"manner": "stubborn", "grace_seconds": 600}
    stack = supervise(services=[{"name": "worker", "drains": True} | stubborn, {"name": "api"}])
    stack.wait_for("ready")
    stack.process.send_signal(signal.SIGINT)
    stack.wait_for("say", "stopping worker")
    stack.process.send_signal(signal.SIGINT)
    stack.wait_for("stopped")
    assert stops(stack) == ["stopping worker", "stopping valkey", "stopping postgres"]
    assert "api SIGTERM" not in stack.notes
    assert (seeded / "log/postgres.log").read_text().count("database system is shut down") == 2
    assert "ready to exit" in (seeded / "log/valkey.log").read_text()


def test_a_second_sigterm_does_not_hurry(supervise_services):
    """Service managers send it again; only a person's Ctrl-C means now."""
    stack = supervise_services({"name": "worker", "manner": "stubborn", "grace_seconds": 0.5})
    stack.process.send_signal(signal.SIGTERM)
    stack.wait_for("say", "stopping worker")
    stack.process.send_signal(signal.SIGTERM)
    stack.wait_for("stopped")
    assert stack.notes[-1] == "worker SIGTERM"


def test_what_outstays_its_grace_is_killed(supervise_services):
    stack = supervise_services({"name": "worker", "manner": "stubborn", "grace_seconds": 0.1})
    worker = stack.child("worker")
    stack.stop()
    assert not worker.alive


def test_a_signal_while_starting_stops_what_has_been_started(supervise):
    services = [{"name": "api"}, {"name": "flower", "manner": "mute"}]
    stack = supervise(servers=False, services=services)
    stack.wait_for("say", "starting flower")
    api = stack.child("api")
    stack.process.send_signal(signal.SIGTERM)
    assert stack.wait_for("error")["error"] == "StackInterrupted"
    assert stack.process.wait(PATIENCE) == 2
    assert not api.alive


def test_servers_are_kept_running_while_workers_drain(supervise, seeded):
    stubborn = {"manner": "stubborn", "grace_seconds": 600}
    stack = supervise(services=[{"name": "worker", "drains": True} | stubborn])
    stack.wait_for("ready")
    stack.process.send_signal(signal.SIGINT)
    stack.wait_for("say", "stopping worker")
    os.kill(stack.child("postgres").pid, signal.SIGKILL)
    stack.wait_for("say", "postgres is started again")
    stack.process.send_signal(signal.SIGINT)
    stack.wait_for("stopped")


def test_a_stack_can_last_as_long_as_some_work(home):
    done = Event()
    plan = Plan(lambda _urls, _secrets: [], 0, 0, 0, 0, None, 2, "postgresql://x", "redis://x")
    before = signal.getsignal(signal.SIGINT)
    with Stack(home, plan, lambda _line: None) as stack:
        assert Stack.running(home).pid == os.getpid()
        Timer(0.05, done.set).start()
        assert stack.run_until_signal(done) is False
        signal.raise_signal(signal.SIGINT)
        assert stack.run_until_signal(Event()) is True
    assert Stack.running(home) is None
    assert signal.getsignal(signal.SIGINT) is before
