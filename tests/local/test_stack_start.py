"""From an empty directory to a running stack, and why it may not get there."""

import json
import os
import shutil
import socket
import stat

import psutil
import psycopg
import pytest
import redis

from darkroom.local.errors import HomeUnusable, WrongVersion
from darkroom.local.home import Home
from darkroom.local.postgres import Postgres
from darkroom.local.stack import Stack

SERVICES = [
    {"name": "migrate", "manner": "done", "restart": False},
    {"name": "api"},
    {"name": "worker-1", "drains": True},
]


def write_mark(urls):
    with psycopg.connect(urls["database"]) as connection:
        connection.execute("CREATE TABLE mark AS SELECT 'kept' AS word")
    with redis.Redis.from_url(urls["redis"]) as client:
        client.set("mark", "kept")


def read_marks(urls):
    with (
        psycopg.connect(urls["database"]) as connection,
        redis.Redis.from_url(urls["redis"]) as client,
    ):
        row = connection.execute("SELECT word FROM mark").fetchone()
        return row[0], client.get("mark").decode()


def modes(path):
    return {folder: stat.S_IMODE(folder.stat().st_mode) for folder in path.parents}


def test_a_first_start_makes_everything_and_the_next_finds_it_again(supervise, home):
    first = supervise(services=SERVICES, durable=True)
    urls = first.wait_for("ready")
    write_mark(urls)
    assert first.notes[0] == "migrate up"
    assert sorted(first.notes[1:]) == ["api up", "worker-1 up"]
    first.stop()
    assert Stack.running(home) is None

    second = supervise(services=SERVICES, durable=True)
    assert read_marks(second.wait_for("ready")) == ("kept", "kept")
    second.stop()


def test_only_the_home_is_touched_and_only_its_owner_can_read_it(supervise, home):
    home.parent.chmod(0o700)
    before = modes(home)
    stack = supervise()
    stack.wait_for("ready")
    assert modes(home) == before
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    private = [*(home / "run").rglob("*"), *(home / "log").iterdir(), home / "valkey/valkey.conf"]
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    stack.stop()


def test_passwords_stay_out_of_state_and_process_list(supervise, seeded):
    stack = supervise()
    stack.wait_for("ready")
    passwords = [path.read_text() for path in (seeded / "run/secrets").iterdir()]
    assert len(passwords) == 2
    shown = (seeded / "run/state.json").read_text()
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        shown += " ".join(process.cmdline())
    assert "valkey-server" in shown
    assert not any(password in shown for password in passwords)
    stack.stop()


def test_a_second_start_on_a_home_is_told_of_the_first(supervise_services, supervise):
    first = supervise_services({"name": "api"})
    second = supervise(servers=False)
    refused = second.wait_for("error")
    assert refused["error"] == "StackRunning"
    assert f"pid {first.process.pid}, {first.running.api_url}" in refused["message"]
    assert first.running.ready
    first.stop()


def test_a_taken_port_is_named_with_its_user_and_its_setting(supervise):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refused = supervise(servers=False, api_port=port).wait_for("error")
    assert refused["error"] == "PortTaken"
    assert (
        f"port {port} is used by {psutil.Process().name()} (pid {os.getpid()})"
        in refused["message"]
    )
    assert "DARKROOM_API_PORT" in refused["message"]


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ({"name": "api", "manner": "crash"}, "api exited with status 1"),
        ({"name": "migrate", "manner": "crash", "restart": False}, "migrate exited with status 1"),
    ],
)
def test_what_cannot_start_is_shown_with_the_end_of_its_log(supervise, home, service, reason):
    stack = supervise(servers=False, services=[{"name": "flower"}, service])
    failed = stack.wait_for("error")
    assert failed["error"] == "StackFailed"
    assert reason in failed["message"]
    assert "the paper is jammed" in failed["message"]
    assert str(home / "log" / service["name"]) in failed["message"]
    assert stack.process.wait() == 2
    assert stack.notes[-1] == "flower SIGTERM"


def test_what_is_never_ready_is_given_up(supervise):
    mute = {"name": "api", "manner": "mute", "ready_seconds": 0.1}
    stack = supervise(servers=False, services=[mute])
    assert "api was not ready after 0.1 s" in stack.wait_for("error")["message"]


def test_a_home_that_cannot_be_is_one_clear_error(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(HomeUnusable, match="Not a directory"):
        Home(file / "home").prepare()
    with pytest.raises(HomeUnusable, match=r"the path has 9.. bytes"):
        Home(tmp_path / "/".join(["x" * 100] * 9)).prepare()


def test_data_of_another_version_are_left_alone(seeded):
    version = seeded / "pg/PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(WrongVersion, match="made by PostgreSQL 17, this is 18"):
        Postgres(Home(seeded), 1).prepare()
    assert version.read_text() == "17\n"


def test_an_initdb_cut_short_is_done_again(supervise, home):
    (home / "pg.new/data/base").mkdir(parents=True)
    stack = supervise()
    stack.wait_for("ready")
    assert not (home / "pg.new").exists()
    stack.stop()


def test_state_is_told_without_passwords(supervise_services):
    stack = supervise_services({"name": "api"})
    state = json.loads((stack.home / "run/state.json").read_text())
    assert state["supervisor"]["pid"] == stack.process.pid
    assert [child["name"] for child in state["children"]] == ["api"]
    stack.stop()
    shutil.rmtree(stack.home)


def test_a_lost_password_is_one_clear_error(supervise, seeded):
    (seeded / "run/secrets/postgres").unlink()
    refused = supervise().wait_for("error")
    assert refused["error"] == "StackFailed"
    assert "password authentication failed" in refused["message"]
    assert f"restore {seeded / 'run/secrets/postgres'}" in refused["message"]
