"""Liveness, readiness, and what every answer carries."""

import json
from pathlib import Path

import httpx2
import pytest
from desk import assert_problem, serving

from darkroom.local.ports import free_port
from darkroom.store.session import transaction


def test_it_lives(stranger):
    assert stranger.get("/livez").json() == {"status": "alive"}


def test_it_is_ready(stranger):
    response = stranger.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"postgres": "ok", "migrations": "ok", "storage": "ok", "redis": "ok"},
        "workers": 0,
    }


@pytest.fixture(scope="module")
def empty_desk(postgres_server, tmp_path_factory):
    """A server whose database was never migrated and whose broker is away."""
    environment = {
        "DARKROOM_DATABASE_URL": postgres_server.create("api_unmigrated"),
        "DARKROOM_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    with (
        serving(tmp_path_factory.mktemp("empty"), **environment) as (url, process),
        httpx2.Client(base_url=url, timeout=30) as client,
    ):
        yield client, process
    postgres_server.drop("api_unmigrated")


def test_unmigrated_is_not_ready_and_a_broker_that_is_away_is_only_said(empty_desk):
    client, _ = empty_desk
    response = client.get("/readyz")
    assert response.status_code == 503
    told = response.json()
    assert told["status"] == "unready"
    assert told["checks"]["postgres"] == "ok"
    assert told["checks"]["storage"].startswith("the database is of an earlier version")
    assert told["checks"]["migrations"].startswith("run the migrations")
    assert told["checks"]["redis"].startswith("degraded")


def test_the_unexpected_is_told_by_id_alone(empty_desk):
    client, process = empty_desk
    response = client.get("/api/v1/batches", headers={"Authorization": "Bearer dk_secret"})
    problem = assert_problem(response, 500, "internal")
    assert "api_keys" not in response.text
    line = json.loads(process.saw(problem["request_id"]))
    assert line["action"] == "answer"
    assert "UndefinedTable" in line["exception"]
    assert "dk_secret" not in "".join(process.lines)


def test_without_a_database_it_lives_and_says_so(tmp_path):
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none"
    with (
        serving(tmp_path, DARKROOM_DATABASE_URL=url) as (address, process),
        httpx2.Client(base_url=address, timeout=30) as client,
    ):
        assert client.get("/livez").status_code == 200
        told = client.get("/readyz")
        assert told.status_code == 503
        assert told.json()["checks"]["postgres"] == "cannot be reached"
        refused = client.get("/api/v1/batches", headers={"Authorization": "Bearer dk_x"})
        assert_problem(refused, 503, "unavailable")
        assert refused.headers["retry-after"]
    assert "secret" not in "".join(process.lines)


def test_without_a_setting_it_does_not_start(tmp_path: Path):
    with (
        pytest.raises(AssertionError, match="set DARKROOM_DATABASE_URL"),
        serving(tmp_path, DARKROOM_HOME=str(tmp_path)),
    ):
        pass


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/nowhere", "/api/v1/batches", "/docs"])
def test_every_answer_is_named_and_sniffed_by_nobody(stranger, path):
    first, second = stranger.get(path), stranger.get(path)
    assert first.headers["x-request-id"].startswith("req_")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["cache-control"] == "no-store"


def test_what_is_not_there_is_a_problem(stranger):
    assert_problem(stranger.get("/nowhere"), 404, "not_found")
    assert_problem(stranger.get("/api/v1/nowhere"), 404, "not_found")
    refused = stranger.put("/livez")
    assert_problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "GET"


def test_a_database_that_is_one_migration_behind_is_not_ready(engine, database_url, tmp_path):
    """As it is while a new version starts before its migrations have run."""
    with transaction(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE batches DROP COLUMN needed")
    with (
        serving(tmp_path, DARKROOM_DATABASE_URL=database_url) as (address, _),
        httpx2.Client(base_url=address, timeout=30) as client,
    ):
        told = client.get("/readyz")
    assert told.status_code == 503
    assert told.json()["checks"]["migrations"] == "run the migrations: batches.needed is missing"
