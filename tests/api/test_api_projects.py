"""Business lines: each with keys of its own and a provider of its own, as the operator has set them up."""

import json
import socket
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from desk import Desk, admitted, assert_problem, serving
from factories import MODELS, Factory
from redis import Redis

from api.native.providers import _limiters
from darkroom.blobs import open_store
from darkroom.domain.limit import Limits, PerMinute
from darkroom.store import budgets, limits, providers
from darkroom.store.budgets import Allowance
from darkroom.store.session import transaction

PROVIDERS = {
    "relay": {
        "base_url": "https://relay.test/v1",
        "key_env": "RELAY_KEY",
        "profile": "new-api",
        "requests_per_minute": 1,
    }
}
PROJECTS = {"shop": {"provider": "relay", "providers": ["default"]}, "press": {}}


@pytest.fixture
def hall(tmp_path, database_url, engine):
    """A server with two projects set up beside the operator's own."""
    environment = {
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_PROVIDERS": json.dumps(PROVIDERS),
        "DARKROOM_PROJECTS": json.dumps(PROJECTS),
    }
    with serving(tmp_path, **environment) as (url, process):
        blobs = open_store((tmp_path / "blobs").as_uri())
        yield Desk(url, process, engine, blobs, tmp_path)


@pytest.fixture
def operator(hall):
    with hall.client(Authorization=f"Bearer {admitted(hall, 'default', 'admin')}") as client:
        yield client


def client_of(hall, operator, project, scopes=("read", "submit")):
    body = {"name": "line", "project": project, "scopes": list(scopes)}
    made = operator.post("/api/v1/keys", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["project"] == project
    return hall.client(Authorization=f"Bearer {made.json()['key']}")


def provider_of(hall, answer):
    assert answer.status_code == 202, answer.text
    with transaction(hall.engine) as connection:
        query = "SELECT provider, project_id FROM batches ORDER BY created_at DESC LIMIT 1"
        return connection.exec_driver_sql(query).one()


def submitted(client, **more):
    return client.post("/api/v1/batches", json={"rows": [{"prompt": "a cat"}], **more})


def test_a_project_has_keys_and_a_provider_of_its_own(hall, operator):
    with client_of(hall, operator, "shop") as shop, client_of(hall, operator, "press") as press:
        assert provider_of(hall, submitted(shop)) == ("relay", "shop")
        assert provider_of(hall, submitted(shop, provider="default")) == ("default", "shop")
        assert provider_of(hall, submitted(press)) == ("default", "press")
        refused = submitted(press, provider="relay")
        assert_problem(refused, 422)
        assert "project press may not ask for relay; use default" in refused.text
        assert len(shop.get("/api/v1/batches").json()["data"]) == 2


def test_a_key_of_a_project_that_was_not_set_up_is_not_made(operator):
    refused = operator.post("/api/v1/keys", json={"name": "x", "project": "shopp"})
    assert_problem(refused, 422)
    assert "use default or press or shop" in refused.text


def test_an_administrator_of_one_line_makes_no_keys_for_another(hall, operator):
    with client_of(hall, operator, "shop", ("admin",)) as shop:
        assert_problem(
            shop.post("/api/v1/keys", json={"name": "x", "project": "press"}), 403, "other_project"
        )
        assert shop.post("/api/v1/keys", json={"name": "x", "project": "shop"}).status_code == 201
        assert_problem(shop.get("/api/v1/keys?project=press"), 403, "other_project")


def test_the_operator_lists_and_revokes_the_keys_of_every_line(hall, operator):
    with client_of(hall, operator, "shop") as shop:
        [key] = operator.get("/api/v1/keys?project=shop").json()["data"]
        assert operator.delete(f"/api/v1/keys/{key['id']}?project=shop").status_code == 204
        assert_problem(shop.get("/api/v1/batches"), 401, "key_unknown")


def test_a_line_sees_how_it_stands_with_its_providers(hall, operator):
    with transaction(hall.engine) as connection:
        providers.pause(connection, "relay", "fingerprint", "invalid_api_key: refused")
    with (
        client_of(hall, operator, "shop") as shop,
        client_of(hall, operator, "shop", ("admin",)) as foreman,
    ):
        relay, usual = shop.get("/api/v1/providers").json()["data"]
        assert (relay["name"], relay["state"]) == ("relay", "paused")
        assert relay["paused_reason"] == "invalid_api_key: refused"
        assert (usual["name"], usual["state"], usual["since"]) == ("default", "ready", None)
        assert usual["limiter"] is None, "there is no limiter here"
        batch_id = Factory(hall.engine, hall.blobs, "shop").in_progress(provider="relay")
        resume = f"/api/v1/batches/batch_{batch_id.hex}/resume"
        assert shop.post(resume).status_code == 200
        assert shop.get("/api/v1/providers").json()["data"][0]["state"] == "paused"
        assert foreman.post(resume).status_code == 200
        assert shop.get("/api/v1/providers").json()["data"][0]["state"] == "on_trial"


def test_a_limiter_that_hangs_is_waited_for_once_however_many_providers_there_are():
    """It takes connections and never says a word."""

    def connections(*names: str) -> int:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
            with Redis.from_url(url, socket_timeout=0.1) as broker:
                limited = replace(MODELS, limits=Limits(1, PerMinute()))
                tools = SimpleNamespace(broker=broker, models_of=lambda *_: limited)
                assert list(_limiters(tools, "shop", names)) == []
            silent.setblocking(False)
            return sum(1 for _ in iter(lambda: taken(silent), None))

    assert connections("relay", "default", "third") == connections("relay") > 0


def taken(server: socket.socket) -> socket.socket | None:
    try:
        connection, _ = server.accept()
    except BlockingIOError:
        return None
    connection.close()
    return connection


def test_a_line_sees_itself_and_the_operator_all_with_what_each_may_spend(hall, operator):
    with client_of(hall, operator, "shop") as shop, client_of(hall, operator, "press"):
        with transaction(hall.engine) as connection:
            budgets.allow(connection, {"shop": Allowance(Decimal(50), Decimal(900), "Asia/Tokyo")})
        Factory(hall.engine, hall.blobs, "shop").completed(b"a picture")
        [own] = shop.get("/api/v1/projects").json()["data"]
        assert (own["id"], own["time_zone"]) == ("shop", "Asia/Tokyo")
        assert own["providers"] == ["relay", "default"]
        caps = [own[period]["cap"] for period in ("today", "total")]
        assert caps == ["50", "900"]
        spent = {own[period]["spent"] for period in ("today", "total")}
        assert spent == {"0.00593"}
        first = operator.get("/api/v1/projects?limit=2").json()
        rest = operator.get(f"/api/v1/projects?after={first['data'][-1]['id']}").json()
        assert (first["has_more"], rest["has_more"]) == (True, False)
        assert [one["id"] for one in first["data"] + rest["data"]] == ["default", "press", "shop"]
        assert rest["data"] == [own]
        assert shop.get("/api/v1/projects?after=a").json()["data"] == [own]


def test_rows_are_looked_at_by_the_facts_of_the_provider_that_is_asked_for(hall, operator):
    rows = [{"prompt": "a cat", "thinking": "high", "quality": "low", "size": "1024x1024"}]
    with client_of(hall, operator, "shop") as shop:
        for path in ("/api/v1/estimates", "/api/v1/batches/dry-run"):
            bad = {
                wanted: shop.post(path, json={"rows": rows, "provider": wanted}).json()["bad_rows"]
                for wanted in ("relay", "default")
            }
            assert bad == {"relay": 0, "default": 1}
            assert_problem(shop.post(path, json={"rows": rows, "provider": "nobody"}), 422)


def test_an_administrator_has_what_was_learned_of_a_provider_of_its_own_forgotten(hall, operator):
    def known(name):
        with transaction(hall.engine) as connection:
            return limits.recall(connection, name, "gpt-image")

    with transaction(hall.engine) as connection:
        for name in ("relay", "default"):
            limits.remember(connection, name, "gpt-image", {"images": 5})
    with client_of(hall, operator, "shop", ("admin",)) as shop:
        told = shop.post("/api/v1/providers/relay/forget")
        assert (told.status_code, told.json()["name"]) == (200, "relay")
        assert_problem(shop.post("/api/v1/providers/other/forget"), 404, "provider_not_found")
    assert (known("relay"), known("default")) == ({}, {"images": 5})
    assert_problem(operator.post("/api/v1/providers/relay/forget"), 404)


def test_finals_are_priced_and_timed_by_whoever_drew_their_drafts(hall, operator):
    """The project's own provider lets one call a minute through, the other one of it as many as it likes."""

    def seconds(provider):
        batch_id = Factory(hall.engine, hall.blobs, "shop").completed(
            *[None] * 5, provider=provider
        )
        below = f"/api/v1/batches/batch_{batch_id.hex}"
        assert shop.post(f"{below}/reviews", json={"approve": {}}).status_code == 200
        offer = shop.post(f"{below}/promote/estimate", json={"quality": "high"}).json()
        assert (offer["calls"], offer["problems"]) == (5, [])
        return offer["seconds"]

    with client_of(hall, operator, "shop") as shop:
        assert seconds("relay") == 5 * 60
        assert seconds("default") == 195, "a call of high quality; there is room for all of them"
