"""The stack as the command line describes it, and what keeps it from starting."""

import json
import os
import socket

import pytest
from canned import API_KEY, BATCH_ID, batch

from darkroom.cli.environment import read_environment
from darkroom.cli.stack import Layout, Staff, local_key
from darkroom.local import state
from darkroom.local.home import Home, Secrets
from darkroom.local.plan import Urls
from darkroom.local.state import Lock, Running
from darkroom.local.trace import Trace

URLS = Urls(
    database="postgresql://postgres:pg-secret@127.0.0.1:15432/darkroom",
    redis="redis://:broker-secret@127.0.0.1:16379/0",
    api="http://127.0.0.1:18000",
    flower="http://127.0.0.1:15555",
    sandbox="http://127.0.0.1:19100",
)


def services(here, staff=Staff.FULL, urls=URLS, **more):
    Home(here / ".darkroom").prepare()
    layout = Layout(read_environment(), staff, **more)
    return {one.name: one for one in layout.services(urls, Secrets(Home(here)))}


def test_the_services_in_the_order_of_their_start(here):
    names = list(services(here))
    assert names == ["migrate", "api", "sandbox", "worker-1", "worker-2", "flower"]


def test_a_desk_can_spend_nothing(here):
    assert list(services(here, Staff.DESK)) == ["migrate", "api"]


def test_no_secret_stands_in_a_command_line(here, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-customer")
    every = " ".join(word for one in services(here).values() for word in one.argv)
    for secret in ("pg-secret", "broker-secret", "sk-of-a-customer"):
        assert secret not in every


def test_without_a_key_the_workers_use_the_sandbox(here):
    env = services(here)["worker-1"].env
    assert env["OPENAI_BASE_URL"] == "http://127.0.0.1:19100/v1"
    assert env["OPENAI_API_KEY"] == "sandbox"
    assert env["DARKROOM_STORAGE_URL"] == (here / ".darkroom" / "blobs").as_uri()
    assert env["DARKROOM_FOCUS"] == ""


def test_settings_of_darkroom_toml_reach_the_children_wherever_they_run(here, write):
    write("darkroom.toml", 'workers = 3\nopenai_api_key = "sk-toml"\nmax_in_flight = 7\n')
    urls = Urls(URLS.database, URLS.redis, URLS.api, URLS.flower)
    every = services(here, urls=urls, focus="tonight")
    env = every["worker-3"].env
    assert (env["OPENAI_API_KEY"], env["DARKROOM_MAX_IN_FLIGHT"]) == ("sk-toml", "7")
    assert env["DARKROOM_FOCUS"] == "tonight"
    assert "sandbox" not in every


def test_children_do_not_run_where_somebodys_own_modules_lie(here):
    for service in services(here).values():
        assert service.cwd == here / ".darkroom"
        assert service.argv[1] == "-P"


def test_a_worker_may_finish_its_longest_call(here, monkeypatch):
    monkeypatch.setenv("DARKROOM_REQUEST_TIMEOUT", "120")
    worker = services(here)["worker-1"]
    assert worker.drains
    assert worker.grace_seconds > 120


def test_the_local_key_is_made_once_and_for_its_owner(here):
    Home(here / ".darkroom").prepare()
    environment = read_environment()
    first = local_key(environment)
    assert first == local_key(environment)
    assert first.startswith("dk_")
    assert (here / ".darkroom" / "run" / "api.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("variable", ["DARKROOM_API_PORT", "DARKROOM_FLOWER_PORT"])
def test_a_port_in_use_is_named_with_its_variable(spawned, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = spawned("up", **{variable: str(port)})
    assert (outcome.status, outcome.out) == (2, "")
    assert f"darkroom: port {port} is used by" in outcome.last_words
    assert f"(pid {os.getpid()})" in outcome.last_words
    assert f"set {variable} to another port" in outcome.last_words


def test_a_second_up_says_that_one_is_running(darkroom, here):
    home = Home(here / ".darkroom")
    home.prepare()
    lock = Lock(home)
    lock.acquire()
    try:
        outcome = darkroom("up")
    finally:
        lock.release()
    assert outcome.status == 2
    assert "a stack is running on" in outcome.last_words


def test_a_second_up_says_only_that(running, darkroom):
    with socket.create_server(("127.0.0.1", 0)):
        outcome = darkroom("up")
    assert (outcome.status, len(outcome.err.splitlines())) == (2, 1)
    assert f"already (pid {os.getpid()}" in outcome.last_words


@pytest.mark.parametrize("url", ["ftp://x", "file://relative", "s3://a bucket"])
def test_a_storage_that_cannot_be_used_is_one_line_before_anything_starts(
    darkroom, here, monkeypatch, url
):
    monkeypatch.setenv("DARKROOM_STORAGE_URL", url)
    outcome = darkroom("up")
    assert outcome.status == 2
    assert outcome.err.startswith("darkroom: DARKROOM_STORAGE_URL cannot be used: ")
    assert len(outcome.err.splitlines()) == 1
    assert not (here / ".darkroom" / "pg").exists()


def test_a_home_without_a_database_has_no_batches(darkroom, here):
    assert "no batches yet" in darkroom("status").err
    assert darkroom("status", "--json").out == "[]\n"
    assert "there is no batch" in darkroom("status", BATCH_ID).last_words
    assert list(here.iterdir()) == []


@pytest.fixture
def running(api, here, monkeypatch):
    """A stack of this home, as the commands see it: its state, its key and its API."""
    monkeypatch.delenv("DARKROOM_API_URL")
    monkeypatch.delenv("DARKROOM_API_KEY")
    home = Home(here / ".darkroom")
    home.prepare()
    supervisor = Trace.of("supervisor", os.getpid())
    urls = {"api_url": api.url, "flower_url": "", "database_url": "", "redis_url": ""}
    stack = Running(supervisor, ready=True, sandbox_url="http://127.0.0.1:9", children=(), **urls)
    state.write(home, stack)
    (home.run / "api.key").write_text(API_KEY)
    api.knows(batch())
    return home


def test_the_running_stack_is_used_with_its_own_key(running, darkroom):
    assert darkroom("status", BATCH_ID).status == 0


def test_placeholders_are_called_placeholders(running, api, darkroom, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-set-too-late")
    outcome = darkroom("watch", BATCH_ID)
    assert "the sandbox drew these images: they are placeholders" in outcome.out
    assert "the running stack was started without OPENAI_API_KEY" in outcome.err


def test_a_batch_is_not_left_to_a_stack_that_ends_with_another_command(
    running, api, darkroom, write
):
    (running.run / "guest").write_text(str(os.getpid()))
    outcome = darkroom("submit", write("p.csv", "prompt\na cat\n"))
    assert outcome.status == 2
    assert f"(pid {os.getpid()}) has a stack of its own" in outcome.last_words
    assert api.asked == []
    assert json.loads(darkroom("status", BATCH_ID, "--json").out)["id"] == BATCH_ID
