"""status, watch, cancel, pause, resume, retry, doctor and gc against canned answers."""

import json

import pytest
from canned import API_KEY, BATCH_ID, OTHER_ID, WORKING, batch, job

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
    api.on("GET", "/api/v1/batches", {"data": [], "has_more": False, "next": None})
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
            {"counts": {"succeeded": 1, "failed": 1}, "unknown": 1},
            1,
            f"at risk: compare the provider's invoice and say darkroom settle {BATCH_ID} --unknown",
        ),
        (
            {**WORKING, "paused_reason": "budget", "cost": {"cap": "5"}, "counts": {"queued": 2}},
            3,
            f"darkroom resume {BATCH_ID} --budget DOLLARS",
        ),
        (
            {**WORKING, "paused_reason": "provider_key", "counts": {"queued": 2}},
            3,
            f"correct its key, or what else that names, then darkroom resume {BATCH_ID}",
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
    assert "waits    mug: slow down; tried again by itself in its turn\n" in outcome.out
    assert "unknown  2 calls without an answer, $0.4000 at risk" in outcome.out
    failed = {"counts": {"succeeded": 1, "failed": 1}}
    api.knows(batch(unknown=2, cost={"at_risk": "0.4"}, **failed))
    assert f"darkroom retry {BATCH_ID} --only unknown" in darkroom("status", BATCH_ID).out
    api.knows(batch(unknown=2, cost={"at_risk": "0.4"}))
    assert "retry" not in darkroom("status", BATCH_ID).out


def test_a_job_that_is_tried_again_later_says_when(api, darkroom):
    api.knows(batch(**WORKING, counts={"queued": 2}))
    failure = {"class": "rate_limited", "code": "rate_limit_exceeded", "message": "slow down"}
    later = "2999-01-01T00:00:00Z"
    api.has_jobs([job(1, "mug", state="queued", failure=failure, due_at=later)])
    assert "slow down; tried again by itself at " in darkroom("status", BATCH_ID).out


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


def test_providers_says_who_is_paused_and_why(api, darkroom):
    relay = {"name": "relay", "state": "paused", "paused_reason": "insufficient_quota: no credit"}
    family = {
        "family": "gpt-image",
        "per_minute": {"images": 5.0, "requests": 50.0},
        "learned": {"images": 5.0, "requests": 90.0},
        "cooling_seconds": 0,
    }
    limiter = {"in_flight": 3, "most_in_flight": 30, "trouble": False, "families": [family]}
    usual = {"name": "default", "state": "ready", "paused_reason": None, "limiter": limiter}
    api.on("GET", "/api/v1/providers", {"data": [relay, usual]})
    outcome = darkroom("providers")
    assert outcome.status == 3
    assert "insufficient_quota" in outcome.out
    assert "30 at once" in outcome.out
    words = " ".join(outcome.out.replace("│", " ").split())
    assert "in flight" in words
    assert "5 images (learned), 50 requests a minute" in words


def test_what_was_learned_of_a_provider_is_forgotten_by_its_name(api, darkroom):
    standing = {"name": "a relay", "state": "ready", "paused_reason": None, "limiter": None}
    api.on("POST", "/api/v1/providers/a%20relay/forget", standing)
    api.on("GET", "/api/v1/providers", {"data": [standing]})
    assert darkroom("providers", "--forget", "a relay").status == 0
    assert [path for method, path, _ in api.asked if method == "POST"] == [
        "/api/v1/providers/a%20relay/forget"
    ]


def test_a_refused_batch_says_why(api, darkroom):
    problem = {"code": "prompt_missing", "message": "write one", "line": 17, "column": "prompt"}
    refused = batch(status="failed", counts={"total": 0}, problems=[problem], problem_count=1)
    api.knows(refused | {"filename": "shoes.csv"})
    assert "shoes.csv:17: column prompt: write one" in darkroom("status", BATCH_ID).out


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


PAUSED = WORKING | {"counts": {"total": 9, "queued": 9}}


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({"paused_reason": "budget", "paused_budget": "batch"}, "--budget DOLLARS goes on", "toml"),
        (
            {"paused_reason": "budget", "paused_budget": "batch", "budget_needed": "0.0186"},
            "--budget 0.0186 goes on",
            "DOLLARS",
        ),
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


def test_resuming_what_has_no_room_says_how_much_it_needs_and_is_status_3(api, darkroom):
    short = {"paused_reason": "budget", "paused_budget": "batch", "budget_needed": "0.0186"}
    api.knows(batch(**PAUSED, **short))
    detail = "the next call may cost 0.0067; give a budget of 0.0186 or more"
    problem = {"title": "Conflict", "detail": detail, "code": "over_budget"}
    api.on("POST", f"/api/v1/batches/{BATCH_ID}/resume", problem, status=409)
    outcome = darkroom("resume", BATCH_ID)
    assert outcome.status == 3
    assert detail in outcome.last_words
    assert f"darkroom resume {BATCH_ID} --budget 0.0186 goes on" in outcome.last_words


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
