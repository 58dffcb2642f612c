"""status, watch, cancel, pause, resume, retry, keys and doctor against canned answers."""

import json
import os
import subprocess
import sys

import pytest
from canned import API_KEY, BATCH_ID, OTHER_ID, PATIENCE, WORKING, batch, job

from darkroom.local.ports import free_port

PROMISED = {
    "id": None,
    "status": None,
    "paused_reason": None,
    "counts": {
        "total",
        "queued",
        "dispatched",
        "running",
        "succeeded",
        "failed",
        "cancelled",
        "expired",
    },
    "unknown": None,
    "cost": {"spent", "reserved", "at_risk", "cap", "currency"},
    "eta_seconds": None,
}


def test_status_as_json_has_the_promised_keys(api, darkroom):
    api.knows(batch())
    outcome = darkroom("status", BATCH_ID, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    for key, inner in PROMISED.items():
        assert key in document
        assert inner is None or inner <= set(document[key])


@pytest.mark.parametrize("text", [BATCH_ID, BATCH_ID[-8:], BATCH_ID[6:14] + "4d", BATCH_ID[:-4]])
def test_an_id_may_be_shortened_while_it_is_clear(api, darkroom, text):
    api.knows(batch(), batch(id="batch_" + "ffff" * 8))
    outcome = darkroom("status", text)
    assert (outcome.status, outcome.out.split()[1]) == (0, BATCH_ID)


def test_an_id_that_means_several_is_refused(api, darkroom):
    api.knows(batch(), batch(id=OTHER_ID))
    outcome = darkroom("status", BATCH_ID[:16])
    assert outcome.status == 2
    assert "2 batches are" in outcome.last_words


@pytest.mark.parametrize("command", ["status", "watch", "cancel", "pause", "resume", "retry"])
@pytest.mark.parametrize("text", ["batch_" + "0" * 32, "nonsense", "x"])
def test_an_unknown_batch_is_named(api, darkroom, command, text):
    api.knows(batch())
    outcome = darkroom(command, text)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == (
        f"darkroom: there is no batch '{text}'; `darkroom status` lists those that are\n"
    )


def test_the_table_fits_eighty_columns(api, darkroom):
    wide = batch(
        name="the night of the very long names, all of them",
        status="in_progress",
        ended=False,
        paused_reason="provider_key",
        counts={"total": 1_000_000, "succeeded": 999_999},
        cost={"spent": "123456.789"},
    )
    api.knows(wide, batch(id=OTHER_ID))
    outcome = darkroom("status")
    assert outcome.status == 0
    assert max(map(len, outcome.out.splitlines())) <= 80
    for shown in ("e5f60718", "999,999/1,000,000", "$123,456.79", "paused:"):
        assert shown in outcome.out


def test_no_batches_is_said(api, darkroom):
    api.on("GET", "/api/v1/batches", {"data": [], "has_more": False})
    outcome = darkroom("status")
    assert (outcome.status, outcome.out) == (0, "")
    assert "no batches yet" in outcome.err


@pytest.mark.parametrize(
    ("last", "status", "fragment"),
    [
        ({}, 0, "2 of 2 prompts made (2 images)"),
        (
            {"counts": {"succeeded": 1, "failed": 1}},
            1,
            f"next: darkroom retry {BATCH_ID} makes a new batch",
        ),
        (
            {**WORKING, "paused_reason": "budget", "cost": {"cap": "5"}, "counts": {"queued": 2}},
            3,
            f"darkroom resume {BATCH_ID} --budget DOLLARS",
        ),
        (
            {**WORKING, "paused_reason": "provider_key", "counts": {"queued": 2}},
            3,
            f"correct OPENAI_API_KEY, then darkroom resume {BATCH_ID}",
        ),
        (
            {
                "status": "failed",
                "counts": {"total": 0},
                "problems": [{"code": "x", "message": "write one", "line": 3, "column": "prompt"}],
            },
            2,
            "input:3: column prompt: write one",
        ),
    ],
)
def test_watch_ends_as_the_batch_does(api, darkroom, last, status, fragment):
    api.knows(batch(**WORKING, counts={"running": 2}), batch(**last))
    outcome = darkroom("watch", BATCH_ID)
    assert outcome.status == status
    assert fragment in outcome.out
    assert outcome.err == ""


def test_a_pause_waits_for_the_calls_in_flight(api, darkroom):
    paused = {**WORKING, "paused_reason": "budget"}
    flying = batch(**paused, counts={"queued": 1, "running": 1})
    landed = batch(**paused, counts={"queued": 1, "succeeded": 1})
    api.knows(flying, landed)
    assert "1 of 2 prompts made" in darkroom("watch", BATCH_ID).out


@pytest.mark.parametrize(
    ("arguments", "verb", "body"),
    [
        (["cancel"], "cancel", None),
        (["pause"], "pause", {"reason": "requested"}),
        (["resume"], "resume", {"budget": None}),
        (["resume", "--budget", "$20"], "resume", {"budget": "20"}),
        (["retry"], "retry", {"only": None}),
        (["retry", "--only", "5xx,moderation"], "retry", {"only": ["5xx", "moderation"]}),
    ],
)
def test_a_batch_is_told(api, darkroom, arguments, verb, body):
    api.knows(batch())
    path = f"/api/v1/batches/{BATCH_ID}/{verb}"
    api.on("POST", path, batch(id=OTHER_ID))
    command, *more = arguments
    outcome = darkroom(command, BATCH_ID, *more)
    assert outcome.status == 0
    [sent] = api.bodies("POST", path)
    assert json.loads(sent or b"null") == body
    if command == "retry":
        assert outcome.out == f"{OTHER_ID}\n"


def test_what_cannot_be_done_is_told(api, darkroom):
    api.knows(batch())
    detail = {"title": "Conflict", "detail": "the batch is completed"}
    api.on("POST", f"/api/v1/batches/{BATCH_ID}/pause", detail, status=409)
    outcome = darkroom("pause", BATCH_ID)
    assert (outcome.status, outcome.err) == (2, "darkroom: the batch is completed\n")


NIGHT = "2026-11-22T21:00:00Z"


def key(**changes):
    return {
        "id": "key_019ab2c34d5e7f00a1b2c3d4e5f60718",
        "name": "night-shift",
        "prefix": "dk_1234567",
        "scopes": ["submit", "read"],
        "created_at": "2026-11-22T20:00:00Z",
        "expires_at": None,
        "former_until": None,
        "last_used_at": None,
        "revoked_at": None,
        **changes,
    }


def test_a_quiet_key_is_nothing_but_the_key(api, darkroom):
    api.on("POST", "/api/v1/keys", key(key="dk_shown-once"), status=201)
    outcome = darkroom("keys", "create", "--name", "night-shift", "--scope", "read", "--quiet")
    assert (outcome.status, outcome.out, outcome.err) == (0, "dk_shown-once\n", "")
    assert json.loads(api.bodies("POST", "/api/v1/keys")[0]) == {
        "name": "night-shift",
        "scopes": ["read"],
    }


def test_keys_are_listed_and_revoked(api, darkroom):
    ends = "2999-11-22T21:00:00Z"
    listed = [key(), key(revoked_at=NIGHT), key(expires_at=NIGHT), key(expires_at=ends)]
    api.on("GET", "/api/v1/keys", {"data": listed, "has_more": False})
    outcome = darkroom("keys", "list")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert key()["id"] in outcome.out
    for word in ("revoked", "expired", "2999-11-22"):
        assert outcome.out.count(word) == 1
    api.on("DELETE", f"/api/v1/keys/{key()['id']}", b"", status=204)
    assert darkroom("keys", "revoke", key()["id"]).status == 0
    assert darkroom("keys", "revoke", "key_none").status == 2


def test_keys_for_programs(api, darkroom):
    api.on("GET", "/api/v1/keys", {"data": [key()], "has_more": False})
    assert json.loads(darkroom("keys", "list", "--json").out) == [key()]


def test_a_key_for_ninety_days_and_a_new_secret_for_it(api, darkroom):
    api.on("POST", "/api/v1/keys", key(key="dk_once", expires_at=NIGHT), status=201)
    outcome = darkroom("keys", "create", "--name", "n", "--expires", "90d")
    assert "until 2026-11-22T21:00" in outcome.err
    assert json.loads(api.bodies("POST", "/api/v1/keys")[0])["expires_in"] == 90 * 86400
    rotate = f"/api/v1/keys/{key()['id']}/rotate"
    api.on("GET", "/api/v1/keys", {"data": [key()], "has_more": False})
    api.on("POST", rotate, key(key="dk_anew"))
    outcome = darkroom("keys", "rotate", key()["id"], "--grace", "2h", "--quiet")
    assert (outcome.status, outcome.out) == (0, "dk_anew\n")
    assert json.loads(api.bodies("POST", rotate)[0]) == {"grace": 7200}
    assert darkroom("keys", "rotate", key()["id"], "--grace", "soon").status == 2


@pytest.mark.parametrize("verb", ["revoke", "rotate"])
def test_the_key_in_use_is_left_alone(api, darkroom, verb):
    listed = [key(prefix=API_KEY[:10]), key(id=f"key_{'0' * 32}")]
    api.on("GET", "/api/v1/keys", {"data": listed, "has_more": False})
    outcome = darkroom("keys", verb, key()["id"])
    assert outcome.status == 2
    assert "is the key that this command itself uses; it would lock you out" in outcome.last_words
    assert f"then {verb} this one" in outcome.last_words
    assert api.bodies("DELETE", f"/api/v1/keys/{key()['id']}") == []
    assert api.bodies("POST", f"/api/v1/keys/{key()['id']}/rotate") == []


def test_a_log_gets_a_line_now_and_then(api, darkroom):
    states = [batch(**WORKING, counts={"running": 2 - n, "succeeded": n}) for n in (0, 1, 1)]
    api.knows(*states, batch())
    outcome = darkroom("watch", BATCH_ID)
    assert outcome.err == "1/2 made · 1 in flight · 0/min · $0.0119\n"


def test_a_batch_says_what_it_waits_for_and_what_is_unknown(api, darkroom):
    api.knows(batch(**WORKING, unknown=2, counts={"queued": 2}, cost={"at_risk": "0.4"}))
    failure = {"class": "rate_limited", "code": "rate_limit_exceeded", "message": "slow down"}
    api.has_jobs([job(1, "mug", state="queued", failure=failure)])
    outcome = darkroom("status", BATCH_ID)
    assert "waits    mug: slow down; tried again by itself at " in outcome.out
    assert "unknown  2 calls without an answer, $0.4000 at risk" in outcome.out
    api.knows(batch(unknown=2, cost={"at_risk": "0.4"}))
    assert f"darkroom retry {BATCH_ID} --only unknown" in darkroom("status", BATCH_ID).out


@pytest.mark.parametrize(("spent", "said"), [("4.9", "$0.1000 of the budget"), ("5", "is used up")])
def test_a_budget_is_only_used_up_if_it_is(api, darkroom, spent, said):
    paused = {**WORKING, "paused_reason": "budget", "counts": {"queued": 2}}
    api.knows(batch(**paused, cost={"cap": "5", "spent": spent}))
    api.has_jobs([])
    assert said in darkroom("status", BATCH_ID).out


@pytest.mark.parametrize("reason", ["provider_key", "held", "requested", "of_a_later_version"])
def test_no_internal_word_is_shown(api, darkroom, reason):
    api.knows(batch(**WORKING, paused_reason=reason, counts={"queued": 2}))
    api.has_jobs([])
    for shown in (darkroom("status", BATCH_ID).out, darkroom("watch", BATCH_ID).out):
        assert "_" not in shown.replace(BATCH_ID, "").replace("OPENAI_API_KEY", "")


def test_a_shell_is_told_what_may_follow(spawned):
    words = {"COMP_WORDS": "darkroom est", "COMP_CWORD": "1"}
    outcome = spawned(_DARKROOM_COMPLETE="complete_bash", **words)
    assert (outcome.status, outcome.out.split()) == (0, ["estimate"])


def test_an_interruption_while_loading_says_nothing():
    script = (
        "import importlib, os, signal; from darkroom.cli.entry import main\n"
        "importlib.import_module = lambda _: os.kill(os.getpid(), signal.SIGINT)\n"
        "main()"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")


def test_a_reader_that_stops_reading_is_no_trouble(api):
    api.knows(batch())
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "darkroom.cli", "status"]
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, timeout=PATIENCE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b"")


def test_a_wrong_key_is_told_and_no_key_is_shown(api, darkroom, monkeypatch):
    api.knows(batch())
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_other")
    outcome = darkroom("status")
    assert outcome.status == 2
    assert "does not take this key" in outcome.last_words
    assert API_KEY not in outcome.err


def test_doctor_asks_the_api(api, darkroom):
    api.knows(batch())
    checks = {"postgres": "ok", "migrations": "ok", "storage": "ok", "redis": "degraded: away"}
    api.on("GET", "/readyz", {"status": "ready", "checks": checks, "workers": 34})
    outcome = darkroom("doctor")
    assert outcome.status == 0
    lines = {line.split()[1]: line.split()[0] for line in outcome.out.splitlines()}
    assert (lines["postgres"], lines["redis"], lines["workers"]) == ("ok", "warn", "ok")
    assert lines["key"] == "warn"


def test_doctor_finds_what_is_wrong(darkroom, monkeypatch):
    monkeypatch.setenv("DARKROOM_DATABASE_URL", f"postgresql://me:secret@127.0.0.1:{free_port()}/x")
    outcome = darkroom("doctor")
    assert outcome.status == 1
    assert "fail  database" in outcome.out
    assert "secret" not in outcome.out


def test_a_key_may_be_another_projects(api, darkroom):
    api.on("POST", "/api/v1/keys", key(key="dk_shown-once"), status=201)
    assert darkroom("keys", "create", "--name", "n", "--project", "shop", "--quiet").status == 0
    assert json.loads(api.bodies("POST", "/api/v1/keys")[0])["project"] == "shop"


def test_providers_says_who_is_paused_and_why(api, darkroom):
    relay = {"name": "relay", "state": "paused", "paused_reason": "insufficient_quota: no credit"}
    usual = {"name": "default", "state": "ready", "paused_reason": None}
    api.on("GET", "/api/v1/providers", {"data": [relay, usual]})
    outcome = darkroom("providers")
    assert outcome.status == 3
    assert "insufficient_quota" in outcome.out
    assert "30 at once" in outcome.out


def test_a_priority_is_told(api, darkroom):
    api.knows(batch(**WORKING))
    api.on("POST", f"/api/v1/batches/{BATCH_ID}/priority", batch(**WORKING, priority=10))
    outcome = darkroom("priority", BATCH_ID, "10")
    assert (outcome.status, api.bodies("POST", f"/api/v1/batches/{BATCH_ID}/priority")) == (
        0,
        [b'{"priority":10}'],
    )
    assert "has priority 10" in outcome.out
    assert "-1000 to 1000" in darkroom("priority", BATCH_ID, "1001").last_words


def test_status_tells_of_a_window_and_of_what_the_deadline_will_leave(api, darkroom):
    shut = {"window": "22:00-06:00", "timezone": "UTC", "waits_until": "2026-11-22T22:00:00Z"}
    late = {"deadline_at": "2026-11-23T06:00:00Z", "will_expire": 412}
    api.knows(batch(**WORKING, **shut, **late))
    api.has_jobs([])
    outcome = darkroom("status", BATCH_ID)
    assert "22:00-06:00 UTC; no call is made until it opens, 11-2" in outcome.out
    assert (
        "at this pace 412 jobs will not have begun by then and will expire, unpaid" in outcome.out
    )
    assert "shut until 11-2" in outcome.out


def test_a_command_reads_no_other_command():
    """Every command line pays for what it imports; `doctor` brings the whole store."""
    code = (
        "import sys; from darkroom.cli.main import build_app; build_app('status');"
        " assert 'darkroom.cli.show' in sys.modules;"
        " assert not {'darkroom.cli.doctor', 'sqlalchemy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_version_is_told(darkroom):
    outcome = darkroom("--version")
    assert outcome.status == 0
    assert outcome.out.startswith("darkroom 0.")


PAUSED = WORKING | {"counts": {"total": 9, "queued": 9}}


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({"paused_reason": "budget", "paused_budget": "batch"}, "--budget DOLLARS goes on", "toml"),
        (
            {
                "paused_reason": "budget",
                "paused_budget": "day",
                "paused_detail": "raise `budget_per_day` of [projects.shop] in darkroom.toml",
            },
            "next: raise `budget_per_day` of [projects.shop] in darkroom.toml",
            "--budget",
        ),
        (
            {"paused_reason": "no_images", "paused_detail": "10 of its last 20 calls"},
            "next: 10 of its last 20 calls; darkroom resume",
            "--budget",
        ),
    ],
)
def test_a_pause_says_what_really_helps_and_is_status_3(api, darkroom, changes, said, unsaid):
    api.knows(batch(**PAUSED, **changes))
    outcome = darkroom("watch", BATCH_ID)
    assert outcome.status == 3
    assert said in outcome.out
    assert unsaid not in outcome.out


FREED = {"images": 2, "files": 0, "answers": 1, "events": 0, "bytes": 1_500_000, "waiting": 0}


def test_garbage_is_collected_until_nothing_is_left(api, darkroom):
    passes = [FREED | {"waiting": 2, "more": True}, FREED | {"more": False}]
    api.on("POST", "/api/v1/gc", *passes)
    outcome = darkroom("gc")
    assert outcome.out == "gave up 4 images, 0 files, 2 raw answers, 0 events; 3.0 MB freed\n"
    assert [json.loads(body) for body in api.bodies("POST", "/api/v1/gc")] == [
        {"dry_run": False}
    ] * 2


def test_what_would_go_is_told_and_left(api, darkroom):
    api.on("POST", "/api/v1/gc", FREED | {"more": False})
    outcome = darkroom("gc", "--dry-run")
    assert outcome.out.startswith("would give up 2 images")
    assert [json.loads(body) for body in api.bodies("POST", "/api/v1/gc")] == [{"dry_run": True}]
