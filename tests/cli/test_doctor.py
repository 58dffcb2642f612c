"""Each thing that `doctor` finds, brought about for real."""

import email.utils
import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
import redis
from certificates import write_certificate
from world import Sandbox

from darkroom.blobs import open_store
from darkroom.local.ports import free_port
from darkroom.rightful import settle

LISTED = {"data": [{"id": "gpt-image-2"}, {"id": "gpt-image-2.5-flare"}]}


class Provider:
    """A provider whose list of models is what a test says."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status, self.body, self.headers, self.offset = 200, LISTED, {}, timedelta(0)
        self.path = "/v1/models"
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path == provider.path
                self.send_response_only(provider.status if found else 404)
                moment = datetime.now(UTC) + provider.offset
                self.send_header("Date", email.utils.format_datetime(moment, usegmt=True))
                for name, value in provider.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(provider.body).encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def provider(monkeypatch):
    made = Provider()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret-of-the-test")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{made.url}/v1")
    yield made
    made.close()


@pytest.fixture
def says(darkroom):
    """The status of the command, and its lines by what they are about."""

    def run(*arguments):
        outcome = darkroom("doctor", *arguments)
        assert "sk-a-secret" not in outcome.out + outcome.err
        found = {}
        for line in outcome.out.splitlines():
            grade, rest = line[:5].strip(), line[6:]
            found[rest[:9].strip()] = (grade, rest[10:])
        return outcome.status, found

    return run


def test_a_provider_that_is_well(provider, says):
    status, found = says()
    assert (status, found["provider"][0], found["key"][0]) == (0, "ok", "ok")
    assert found["model"] == ("ok", "gpt-image-2 is served")
    assert found["clock"] == ("ok", "agrees with the provider's")


def test_the_sandbox_is_told_for_what_it_is(says):
    status, found = says()
    assert status == 0
    assert found["key"][0] == "warn"
    assert "no real images" in found["key"][1]


def test_the_sandbox_itself_passes_for_a_provider(tmp_path, monkeypatch, says):
    sandbox = Sandbox.start(tmp_path)
    try:
        sandbox.configure(api_key="sk-right")
        monkeypatch.setenv("OPENAI_BASE_URL", sandbox.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret-wrong")
        status, found = says()
        assert (status, found["key"][0]) == (1, "fail")
        assert "refuses it (status 401)" in found["key"][1]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
        status, found = says("--model", "gpt-image-2.6-flare")
        assert (status, found["key"][0], found["model"][0]) == (0, "ok", "ok")
        assert sandbox.totals()["calls"] == 0
    finally:
        sandbox.close()


def test_a_base_url_without_its_v1(provider, says, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
    status, found = says()
    assert (status, found["provider"][0]) == (1, "fail")
    assert "does not end in /v1" in found["provider"][1]


def test_a_base_url_without_its_v1_where_a_relay_shows_its_page(provider, says, monkeypatch):
    provider.path, provider.body = "/models", "<!doctype html><title>New API</title>"
    monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
    status, found = says()
    assert (status, found["provider"][0], found["key"][0]) == (1, "fail", "warn")
    assert f"write …{provider.url.removeprefix('http://')}/v1" in found["provider"][1]
    assert "cannot be told" in found["key"][1]


def test_a_host_that_sends_us_on_is_no_trouble_of_the_key(provider, says):
    provider.status, provider.headers = 307, {"Location": "https://new.example/v1/models?a=secret"}
    status, found = says()
    assert (status, found["provider"][0]) == (1, "fail")
    assert "sends us on to https://new.example/v1: " in found["provider"][1]
    assert "key" not in found
    assert "secret" not in found["provider"][1]


def test_a_base_url_without_v1_where_models_are_is_right(provider, says, monkeypatch):
    provider.path = "/openai/models"
    monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/openai")
    assert says()[0] == 0


def test_a_host_whose_name_nobody_knows(says, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://no-such-host.invalid/v1")
    status, found = says()
    assert (status, found["provider"][0]) == (1, "fail")
    assert "the name no-such-host.invalid is not known" in found["provider"][1]


def test_a_host_where_nobody_listens(says, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    status, found = says()
    assert (status, found["provider"][0]) == (1, "fail")
    assert "cannot be reached" in found["provider"][1]


def test_a_host_whose_certificate_is_for_another_name(says, tmp_path, monkeypatch):
    certificate = write_certificate("relay.test", tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    relay = Provider(tls)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{relay.url}/v1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    try:
        status, found = says()
    finally:
        relay.close()
    assert (status, found["provider"][0]) == (1, "fail")
    assert "certificate is not valid for '127.0.0.1'); write the name" in found["provider"][1]


def test_a_host_that_does_not_encrypt(provider, says, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url.replace('http', 'https')}/v1")
    status, found = says()
    assert (status, found["provider"][0]) == (1, "fail")
    assert "(WRONG_VERSION_NUMBER); correct the port, or write http://" in found["provider"][1]


def test_a_relay_that_is_known_to_cut_calls(says, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api-cf.apiyi.com/v1")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    status, found = says()
    assert (status, found["relay"][0]) == (1, "fail")
    assert found["relay"][1].endswith("use api.apiyi.com")


def test_a_relay_behind_cloudflare_and_in_a_hurry(provider, says, monkeypatch):
    provider.headers = {"CF-RAY": "8f1"}
    monkeypatch.setenv("DARKROOM_PROFILE", "new-api")
    monkeypatch.setenv("DARKROOM_REQUEST_TIMEOUT", "120")
    status, found = says()
    assert status == 0
    assert "cuts calls after 100 s" in found["relay"][1]
    assert found["timeout"] == (
        "warn",
        "calls are given 120 s, new-api needs 360; raise request_timeout",
    )


def test_a_model_that_is_not_there_and_one_that_was(provider, says, here):
    status, found = says("--model", "gpt-image-2.6-flare")
    assert (status, found["model"][0]) == (1, "fail")
    assert "choose gpt-image-2, gpt-image-2.5-flare" in found["model"][1]
    assert says("--model", "gpt-image-9")[0] == 1
    (here / "darkroom.toml").write_text(
        '[models."gpt-image-2"]\nshutdown = 2026-11-01\nreplacement = "gpt-image-2.5-flare"\n'
    )
    provider.status = 404
    status, found = says()
    assert status == 1
    assert found["model"] == (
        "fail",
        "gpt-image-2 was shut down on 2026-11-01; use gpt-image-2.5-flare",
    )


def test_the_end_of_a_model_that_only_the_provider_tells(provider, says, here):
    ends = {"gpt-image-2": "2027-03-01", "gpt-image-2.6-flare": "not a day", "gpt-image-1": None}
    models = [{"id": name, "shutdown_date": end} for name, end in ends.items()]
    provider.body = {"data": [*LISTED["data"], *models]}
    status, found = says()
    assert (status, found["key"][0], found["model"][0]) == (0, "ok", "warn")
    assert found["model"][1] == (
        "gpt-image-2 is shut down on 2027-03-01, the provider says: change to one of gpt-image-2.5-flare, "
        "gpt-image-2.6-flare, and write shutdown and replacement into "
        '[models."gpt-image-2"] of darkroom.toml'
    )
    (here / "darkroom.toml").write_text(
        '[models."gpt-image-2"]\nshutdown = 2027-04-01\nreplacement = "gpt-image-2.6-flare"\n'
    )
    assert "change to gpt-image-2.6-flare, and write" in says()[1]["model"][1]
    provider.body["data"][2]["shutdown_date"] = "2027-04-01"
    assert says()[1]["model"] == ("ok", "gpt-image-2 is served")


def test_a_clock_that_is_wrong(provider, says):
    provider.offset = timedelta(minutes=5)
    status, found = says()
    assert (status, found["clock"][0]) == (1, "fail")
    assert "set it (NTP)" in found["clock"][1]


def test_every_provider_of_the_file_is_looked_at(provider, says, here, monkeypatch):
    table = f'[providers.relay]\nbase_url = "{provider.url}/v1"\nkey_env = "RELAY_KEY"\n'
    (here / "darkroom.toml").write_text(table)
    status, found = says()
    assert status == 1
    assert "RELAY_KEY is not set; export it" in found["key"][1]
    monkeypatch.setenv("RELAY_KEY", "sk-a-secret-relay")
    status, found = says()
    assert (status, found["relay key"][0]) == (0, "ok")


def test_a_storage_that_cannot_be_written_to(says, here, monkeypatch):
    (here / "a-file").write_text("")
    monkeypatch.setenv("DARKROOM_STORAGE_URL", f"file://{here}/a-file/blobs")
    status, found = says()
    assert (status, found["storage"][0]) == (1, "fail")


def test_a_storage_whose_disk_is_not_mounted(says, here, engine, database_url, monkeypatch):
    monkeypatch.setenv("DARKROOM_STORAGE_URL", f"file://{here}/disk")
    status, found = says()
    assert (status, found["storage"][0]) == (0, "warn")
    assert list(here.glob("disk")) == []
    settle(engine, open_store(f"file://{here}/disk"))
    monkeypatch.setenv("DARKROOM_DATABASE_URL", database_url)
    assert says()[1]["storage"] == ("ok", "can be written to")
    (here / "disk").rename(here / "away")
    status, found = says()
    assert (status, found["storage"][0]) == (1, "fail")
    assert "its disk may not be mounted" in found["storage"][1]


def test_a_database_that_is_well_and_one_that_is_behind(says, database_url, monkeypatch):
    monkeypatch.setenv("DARKROOM_DATABASE_URL", database_url)
    status, found = says()
    assert (status, found["database"][0], found["tables"][0]) == (0, "ok", "ok")
    assert found["db clock"] == ("ok", "agrees with the database's")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE providers DROP COLUMN probing_since")
    status, found = says()
    assert status == 1
    assert found["tables"][1].startswith("providers.probing_since is missing; run")


def test_a_database_that_is_not_there_or_of_another_kind(says, monkeypatch):
    url = f"postgresql://me:sk-a-secret@127.0.0.1:{free_port()}/x"
    monkeypatch.setenv("DARKROOM_DATABASE_URL", url)
    status, found = says()
    assert (status, found["database"][0]) == (1, "fail")
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "mysql://me:sk-a-secret@127.0.0.1/x")
    assert "write postgresql://" in says()[1]["database"][1]


def test_a_broker_that_is_not_there(says, monkeypatch):
    monkeypatch.setenv("DARKROOM_REDIS_URL", f"redis://:sk-a-secret@127.0.0.1:{free_port()}/0")
    status, found = says()
    assert (status, found["redis"][0]) == (1, "fail")


def test_a_broker_beside_redis_is_asked_for_too(says, redis_url, monkeypatch):
    assert "broker" not in says()[1]
    monkeypatch.setenv("DARKROOM_BROKER_URL", redis_url)
    assert says()[1]["broker"][0] == "ok"
    monkeypatch.setenv("DARKROOM_BROKER_URL", f"amqp://me:sk-a-secret@127.0.0.1:{free_port()}//")
    status, found = says()
    assert (status, found["broker"][0]) == (1, "fail")
    assert "DARKROOM_BROKER_URL" in found["broker"][1]


def test_a_broker_that_throws_keys_away(says, redis_url, monkeypatch):
    monkeypatch.setenv("DARKROOM_REDIS_URL", redis_url)
    assert says()[1]["redis"][0] == "ok"
    with redis.Redis.from_url(redis_url) as client:
        before = {name: client.config_get(name)[name] for name in ("maxmemory", "maxmemory-policy")}
        client.config_set("maxmemory", "512mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            status, found = says()
        finally:
            for name, value in before.items():
                client.config_set(name, value)
    assert (status, found["redis"][0]) == (1, "fail")
    assert "set maxmemory-policy noeviction" in found["redis"][1]
