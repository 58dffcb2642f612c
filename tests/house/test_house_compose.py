"""docker-compose.yml: it fits the schema, holds no secret, and each of its commands does what it is there for."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import yaml
from world import ROOT, Process

from darkroom.cli.stack import FLOWER_MANNER
from darkroom.local.binaries import valkey_server as valkey_binary
from darkroom.local.ports import free_port

COMPOSE = ROOT / "docker-compose.yml"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(COMPOSE.read_text())["services"]


@pytest.fixture
def started(tmp_path):
    """Starts a service's own command, its ports and addresses put in the place of the containers'."""
    processes = []

    def start(command, ports=None, **environment):
        words = [
            re.sub(r"\b(8000|5555)\b", lambda port: str((ports or {})[port[0]]), word)
            for word in command
        ]
        path = f"{tmp_path}:{BIN}:{os.environ['PATH']}"
        env = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
        argv = [shutil.which(words[0], path=path) or words[0], *words[1:]]
        process = Process(argv, env, tmp_path / "service.log")
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.close()


@pytest.fixture
def environment(database_url, redis_url, tmp_path):
    return {
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_REDIS_URL": redis_url,
        "DARKROOM_STORAGE_URL": (tmp_path / "blobs").as_uri(),
        "DARKROOM_SPOOL": str(tmp_path / "spool"),
        "OPENAI_API_KEY": "sk-of-the-test",
        "DARKROOM_ADMIN_KEY": "dk_of-the-test",
    }


@pytest.fixture
def told(services, environment):
    """What a service is told, of what the test has to tell."""

    def of(name):
        return {
            key: environment[key] for key in services[name]["environment"] if key in environment
        }

    return of


def test_it_fits_the_compose_schema():
    check = (str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_holds_no_secret_and_every_variable_stands_in_the_example():
    text = COMPOSE.read_text()
    example = (ROOT / ".env.example").read_text()
    wanted = set(re.findall(r"\$\{([A-Z_]+)", text))
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert wanted == named
    secrets = [name for name in named if name.endswith(("KEY", "PASSWORD", "AUTH"))]
    assert secrets
    for name in secrets:
        assert re.search(rf"^{name}=$", example, re.MULTILINE)
        assert not re.search(rf"\${{{name}:-", text)


PROVIDER = {
    "OPENAI_BASE_URL",
    "DARKROOM_PROVIDER",
    "DARKROOM_PROFILE",
    "DARKROOM_REQUESTS_PER_MINUTE",
    "DARKROOM_IMAGES_PER_MINUTE",
    "DARKROOM_TOKENS_PER_MINUTE",
    "DARKROOM_INPUT_IMAGES_PER_MINUTE",
}

KNOWN = {
    "migrate": {"DARKROOM_DATABASE_URL"},
    "flower": {
        "DARKROOM_REDIS_URL",
        "DARKROOM_LOG_FORMAT",
        "DARKROOM_BROKER_URL",
        "FLOWER_BASIC_AUTH",
        "FLOWER_DB",
        *FLOWER_MANNER,
    },
    "api": {
        *PROVIDER,
        "DARKROOM_ADMIN_KEY",
        "DARKROOM_ALLOW_PRIVATE_URLS",
        "DARKROOM_API_REQUESTS_PER_MINUTE",
        "DARKROOM_DATABASE_URL",
        "DARKROOM_FLOWER_URL",
        "DARKROOM_LOG_FORMAT",
        "DARKROOM_MAX_UPLOAD_MB",
        "DARKROOM_METRICS_TOKEN",
        "DARKROOM_REDIS_URL",
        "DARKROOM_RETENTION_ANSWERS",
        "DARKROOM_RETENTION_EVENTS",
        "DARKROOM_RETENTION_FILES",
        "DARKROOM_RETENTION_IMAGES",
        "DARKROOM_STORAGE_URL",
        "TMPDIR",
    },
}

LEFT_OUT = {
    "DARKROOM_HOME": "the local stack's",
    "DARKROOM_API_PORT": "compose publishes it",
    "DARKROOM_FLOWER_PORT": "compose publishes it",
    "DARKROOM_READY_FILE": "for whoever supervises a local stack",
    "DARKROOM_FOCUS": "for a stack that works on one batch",
    "DARKROOM_LOCAL_RECIPES": "a container's files are not its callers'",
}


def test_each_service_is_told_what_it_needs_and_the_provider_s_key_is_the_workers_alone(services):
    for name, variables in KNOWN.items():
        assert set(services[name]["environment"]) == variables
    assert set(services["worker"]["environment"]) >= PROVIDER
    told = [name for name, one in services.items() if "OPENAI_API_KEY" in one["environment"]]
    assert told == ["worker"]


def test_every_setting_reaches_who_it_is_for_or_is_left_out_for_a_reason(services):
    """What .env says must not be dropped without a word."""
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text()
    settings = set(re.findall(r"^\| `([A-Z_]+)`", reference, re.MULTILINE))
    told = {*services["api"]["environment"], *services["worker"]["environment"]}
    assert settings - told == LEFT_OUT.keys()


def test_flower_behaves_as_in_the_local_stack(services):
    assert services["flower"]["environment"].items() >= FLOWER_MANNER.items()


def test_no_service_may_do_more_than_it_must(services):
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service
    assert [name for name, one in services.items() if "cap_add" in one] == ["postgres"]
    assert services["postgres"]["networks"] == services["valkey"]["networks"] == ["inside"]


@pytest.mark.parametrize("name", ["api", "worker"])
def test_uploads_and_lists_are_spooled_to_a_disk_that_has_room(services, name):
    spool = services[name]["environment"]["TMPDIR"]
    assert f"spool:{spool}" in services[name]["volumes"]
    assert spool in (ROOT / "Dockerfile").read_text()


def test_answers_that_the_storage_does_not_take_outlive_the_worker_s_container(services):
    spool = Path(services["worker"]["environment"]["DARKROOM_SPOOL"])
    assert f"spool:{spool.parent}" in services["worker"]["volumes"]


def test_a_worker_may_finish_its_longest_call(services):
    seconds = int(services["worker"]["stop_grace_period"].removesuffix("s"))
    default = re.search(r"DARKROOM_REQUEST_TIMEOUT:-(\d+)", COMPOSE.read_text())
    assert default
    assert seconds > int(default[1])


def test_the_migration_ends_and_the_api_answers(services, started, told):
    migrate = started(services["migrate"]["command"], **told("migrate"))
    assert migrate.wait() == 0
    port = free_port()
    api = started(services["api"]["command"], {"8000": port}, **told("api"))
    api.saw("Uvicorn running")
    keys = httpx2.get(
        f"http://127.0.0.1:{port}/api/v1/keys", headers={"Authorization": "Bearer dk_of-the-test"}
    )
    assert [key["name"] for key in keys.json()["data"]] == ["admin"]
    check = services["api"]["healthcheck"]["test"][1:]
    assert started(check, {"8000": port}).wait() == 0
    assert started(check, {"8000": free_port()}).wait() != 0


def test_the_worker_becomes_ready_tells_its_monitor_and_drains(services, started, told):
    port = free_port()
    where = {"DARKROOM_METRICS_HOST": "127.0.0.1", "DARKROOM_METRICS_PORT": str(port)}
    assert where.keys() <= services["worker"]["environment"].keys()
    worker = started(services["worker"]["command"], **told("worker"), **where)
    worker.saw(" ready.")
    assert "darkroom_worker_slots" in httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    worker.send(15)
    assert worker.wait() == 0


def test_flower_asks_for_the_login(services, started, told, tmp_path):
    port = free_port()
    flower = started(
        services["flower"]["command"],
        {"5555": port},
        **told("flower"),
        **FLOWER_MANNER,
        FLOWER_BASIC_AUTH="night:watch",
        FLOWER_DB=str(tmp_path / "flower"),
    )
    flower.saw("Visit me")
    url = f"http://127.0.0.1:{port}/workers"
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, auth=("night", "watch")).status_code == 200
    tasks = httpx2.get(url.replace("workers", "tasks"), auth=("night", "watch")).text
    shown = re.findall(r'<th data-column="(\w+)"', tasks)
    assert shown == FLOWER_MANNER["FLOWER_TASKS_COLUMNS"].split(",")
    assert started(services["flower"]["healthcheck"]["test"][1:], {"5555": port}).wait() == 0


def test_the_broker_takes_its_password_from_its_environment(services, started, tmp_path):
    (tmp_path / "valkey-server").symlink_to(valkey_binary())
    port = free_port()
    command = [word.replace("$$", "$") for word in services["valkey"]["command"]]
    command[-1] = command[-1].replace("appendonly yes", f"port {port}\ndir {tmp_path}")
    valkey = started(command, VALKEY_PASSWORD="pw-of-the-test")
    valkey.saw("Ready to accept connections")
    assert b"pw-of-the-test" not in Path(f"/proc/{valkey.pid}/cmdline").read_bytes()
    assert _login(port, "pw-of-the-test") == b"+OK\r\n"
    assert _login(port, "another").startswith(b"-WRONGPASS")


def _login(port, password):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"AUTH {password}\r\n".encode())
        return connection.recv(100)
