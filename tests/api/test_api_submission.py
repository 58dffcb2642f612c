"""Submitting: what is written down, what is attached to, and what is refused before it is."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import jiter
import pytest
from desk import assert_problem
from sqlalchemy import select

from darkroom.domain.ids import BATCH, uuid_of
from darkroom.store.hints import About, Listener
from darkroom.store.session import transaction
from darkroom.store.tables import batches, files

FILE_ID = "file-019ab2c34d5e7f00a1b2c3d4e5f60718"


def stored(desk, told):
    """The row of a batch, with its file's."""
    with transaction(desk.engine) as connection:
        return connection.execute(
            select(batches, files.c.sha256, files.c.filename)
            .join(files, batches.c.input_file_id == files.c.id)
            .where(batches.c.id == uuid_of(BATCH, told["id"]))
        ).one()


def test_rows_become_a_file_and_a_batch_at_once(submit, desk):
    rows = [{"prompt": "猫", "n": 2, "big": 10**30}, {"prompt": 'a "b"\n', "x": None}]
    response = submit(rows=rows, name="夜")
    assert response.status_code == 202
    told = response.json()
    assert response.headers["location"] == f"/api/v1/batches/{told['id']}"
    assert response.headers["retry-after"] == "1"
    assert (told["status"], told["name"], told["ended"]) == ("validating", "夜", False)
    row = stored(desk, told)
    lines = desk.blobs.get(row.sha256).splitlines()
    assert [jiter.from_json(line) for line in lines] == rows
    assert row.filename == "rows.jsonl"
    assert row.options == {
        "defaults": {},
        "template": None,
        "skip_bad_rows": False,
        "on_moderation": "fail",
    }


def test_everything_that_was_asked_for_is_written_down(submit, desk):
    deadline = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=8)
    told = submit(
        defaults={"format": "webp", "n": 2, "size": "1024x1024", "priority": -5},
        template="{{ title | upper }}",
        skip_bad_rows=True,
        budget="12.500000001",
        deadline=deadline.astimezone().isoformat(),
        focus="this run",
    ).json()
    row = stored(desk, told)
    assert row.options["defaults"] == {
        "output_format": "webp",
        "n": 2,
        "size": "1024x1024",
        "priority": -5,
    }
    assert row.options["template"] == "{{ title | upper }}"
    assert row.options["skip_bad_rows"] is True
    assert row.cap == Decimal("12.500000001")
    assert row.deadline_at == deadline
    assert row.focus == "this run"
    assert told["cost"] == {
        "spent": "0",
        "reserved": "0",
        "at_risk": "0",
        "cap": "12.500000001",
        "currency": "usd",
    }
    assert told["deadline_at"] == deadline.isoformat().replace("+00:00", "Z")


def test_an_uploaded_file_is_submitted_by_its_id(client, make, desk):
    file_id = make.file(b"a cat\na dog\n", "list.txt")
    body = {"input_file_id": f"file-{file_id.hex}"}
    told = client.post("/api/v1/batches", json=body).json()
    assert stored(desk, told).input_file_id == file_id


def test_workers_are_hinted_when_it_is_committed(submit, desk):
    listener = Listener(desk.engine)
    try:
        submit()
        assert listener.wait(10) == {About.LISTS}, "who reads lists, and nobody else"
    finally:
        listener.close()


@pytest.mark.parametrize("name", ["file-" + "0" * 32, "file-x", "", "batch_" + "0" * 32])
def test_a_file_that_is_not_there_is_missing(client, name):
    response = client.post("/api/v1/batches", json={"input_file_id": name})
    assert_problem(response, 404, "file_not_found")


def test_another_projects_file_is_missing(client, new_project):
    theirs = new_project().make.file()
    response = client.post("/api/v1/batches", json={"input_file_id": f"file-{theirs.hex}"})
    assert_problem(response, 404, "file_not_found")


def test_the_same_again_attaches(submit, make):
    first = submit(fingerprint="f", focus="one").json()
    second = submit(fingerprint="f", focus="two", name="other")
    assert second.status_code == 200
    assert second.json()["id"] == first["id"]
    assert submit(fingerprint="g").json()["id"] != first["id"]
    assert submit().json()["id"] != first["id"]


def test_many_at_once_make_one(submit):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: submit(fingerprint="f"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_again_makes_a_new_one_that_the_next_attaches_to(submit):
    first = submit(fingerprint="f").json()
    again = submit(fingerprint="f", again=True)
    assert again.status_code == 202
    assert again.json()["id"] != first["id"]
    assert submit(fingerprint="f").json()["id"] == again.json()["id"]


def test_a_held_batch_goes_on_when_it_is_attached_to(submit, client):
    first = submit(fingerprint="f").json()
    held = client.post(f"/api/v1/batches/{first['id']}/pause", json={"reason": "held"}).json()
    assert held["paused_reason"] == "held"
    attached = submit(fingerprint="f")
    assert attached.status_code == 200
    assert attached.json()["paused_reason"] is None


def test_one_that_was_cancelled_is_not_attached_to(submit, client):
    first = submit(fingerprint="f").json()
    client.post(f"/api/v1/batches/{first['id']}/cancel")
    assert submit(fingerprint="f").status_code == 202


def test_another_projects_fingerprint_is_not_ours(submit, new_project):
    submit(fingerprint="f")
    body = {"rows": [{"prompt": "a cat"}], "fingerprint": "f"}
    theirs = new_project().clients["submit"].post("/api/v1/batches", json=body)
    assert theirs.status_code == 202


SOON = "2126-01-01T00:00:00Z"
JSON = {"Content-Type": "application/json"}
REFUSED = [
    ({"defaults": {"qualty": "low"}}, "#/defaults/qualty", "did you mean `quality`?"),
    ({"defaults": {"zzz": "low"}}, "#/defaults/zzz", "use one of model"),
    ({"defaults": {"prompt": "x"}}, "#/defaults/prompt", "is not a default"),
    ({"defaults": {"custom_id": "x"}}, "#/defaults/custom_id", "is not a default"),
    ({"defaults": {"format": "png", "output_format": "webp"}}, None, "twice"),
    ({"defaults": {"size": "1\0"}}, "#/defaults/size", "NUL"),
    ({"template": "{{ title "}, "#/template", "not valid"),
    ({"template": "{{ a | nofilter }}"}, "#/template", "there is no filter"),
    ({"template": "x" * 20_001}, "#/template", "shorten"),
    ({"template": "a\0"}, "#/template", "NUL"),
    ({"template": ""}, "#/template", "too short; write 1"),
    ({"deadline": "2020-01-01T00:00:00Z"}, "#/deadline", "over already"),
    ({"deadline": "9999-12-31T23:59:59-12:00"}, "#/deadline", "no clock"),
    ({"deadline": SOON}, "#/deadline", "ten years"),
    ({"deadline": "2030-01-01T00:00:00"}, "#/deadline", "time zone"),
    ({"window": "22-6"}, "#/window", "write 22:00-06:00"),
    ({"window": "22:00-06:00", "timezone": "Mars"}, "#/timezone", "Europe/Berlin"),
    ({"deadline": 1924992000}, "#/deadline", "must be a time"),
    ({"budget": "0"}, "#/budget", "value '0': it must be more than 0"),
    ({"budget": "-1"}, "#/budget", "more than 0"),
    ({"budget": "0.0000000001"}, "#/budget", "more than 9 digits behind"),
    ({"budget": "1e400"}, "#/budget", "18 digits"),
    ({"budget": "NaN"}, "#/budget", "finite"),
    ({"budget": "Infinity"}, "#/budget", "finite"),
    ({"budget": True}, "#/budget", "amount"),
    ({"budget": []}, "#/budget", "must be an amount"),
    ({"budget": "12,50"}, "#/budget", "value '12,50': it must be an amount"),
    ({"name": "a\0b"}, "#/name", "NUL"),
    ({"name": 7}, "#/name", "value 7: it must be text"),
    ({"fingerprint": ""}, "#/fingerprint", "too short"),
    ({"focus": "x" * 1000}, "#/focus", "200 characters at most"),
    ({"again": "yes"}, "#/again", "value 'yes': it must be true or false"),
    ({"skip_bad_rows": 1}, "#/skip_bad_rows", "true or false"),
    ({"rows": []}, "#/rows", "too few entries"),
    ({"rows": [{"prompt": "a"}, "b"]}, "#/rows/1", "keys with their values"),
    ({"rows": [{"prompt": "a"}, {"x": 1e999}]}, "#/rows/1", "too large"),
    ({"rows": {"prompt": "a"}}, "#/rows", "list"),
    ({"rows": None}, None, "either input_file_id or rows"),
    ({"input_file_id": "file-" + "0" * 32}, None, "either input_file_id or rows"),
    ({"bugdet": "1"}, "#/bugdet", "unknown key; the nearest is budget"),
]


@pytest.mark.parametrize(
    ("body", "pointer", "words"), REFUSED, ids=[str(r[0])[:60] for r in REFUSED]
)
def test_what_is_of_no_use_is_refused_at_its_place(client, body, pointer, words):
    text = jsoned({"rows": [{"prompt": "a cat"}], **body})
    response = client.post("/api/v1/batches", content=text, headers=JSON)
    problem = assert_problem(response, 422, "invalid_request")
    found = [one for one in problem["errors"] if words in one["detail"]]
    assert found, problem
    if pointer:
        assert found[0]["pointer"] == pointer
    assert client.get("/api/v1/batches").json()["data"] == []


def test_a_path_over_http_is_refused_at_once_unless_a_file_stands_for_it(submit):
    rows = [
        {"prompt": "a"},
        {"prompt": "b", "image": "shoe.png|red.png", "mask": "mask.png"},
        {"url": "/v1/images/edits", "body": {"prompt": "c", "images": ["shoe.png"]}},
    ]
    problem = assert_problem(submit(rows=rows, files={"red.png": FILE_ID}), 422, "invalid_request")
    assert [(one["pointer"], one["row"]) for one in problem["errors"]] == [
        ("#/rows/1/image", 2),
        ("#/rows/1/mask", 2),
        ("#/rows/2/images", 3),
    ]
    assert "upload it to /api/v1/files" in problem["errors"][0]["detail"]
    assert submit(rows=rows, skip_bad_rows=True).status_code == 202


def test_a_deadline_before_the_first_opening_is_refused(client):
    now = datetime.now(UTC)
    window = f"{now + timedelta(hours=3):%H:%M}-{now + timedelta(hours=4):%H:%M}"
    body = {"window": window, "deadline": (now + timedelta(hours=1)).isoformat()}
    response = client.post("/api/v1/batches", json={"rows": [{"prompt": "a cat"}], **body})
    [found] = assert_problem(response, 422, "invalid_request")["errors"]
    assert found["pointer"] == "#/deadline"
    assert "before the window" in found["detail"]


def jsoned(body) -> str:
    """As JSON; a number beyond any float is written out."""
    return json.dumps(body).replace(": Infinity}", ": 1e999}")


def dry_run(client, **body):
    return client.post("/api/v1/batches/dry-run", json=body)


def test_a_dry_run_tells_what_a_submission_would_meet_and_keeps_nothing(client):
    rows = [
        {"title": "a cat", "custom_id": "sku-1"},
        {"title": "a dog", "size": "7x7", "custom_id": "sku-2"},
    ]
    asked = {"rows": rows, "template": "Photo of {{ title }}", "budget": "0.001", "name": "n"}
    told = dry_run(client, **asked, defaults={"quality": "low"}).json()
    assert (told["rows"], told["bad_rows"], told["accepted"]) == (2, 1, False)
    assert told["problems"][0]["column"] == "size"
    assert told["within_budget"] is False
    [sample] = told["sample"]
    assert (sample["line"], sample["custom_id"]) == (1, "sku-1")
    assert sample["request"]["prompt"] == "Photo of a cat"
    assert sample["request"]["quality"] == "low"
    skipping = dry_run(client, **asked, skip_bad_rows=True).json()
    assert skipping["accepted"] is True
    assert client.get("/api/v1/batches").json()["data"] == []
    assert client.get("/v1/files").json()["data"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"defaults": {"qualty": "low"}},
        {"template": "{{ title"},
        {"deadline": "2020-01-01T00:00:00Z"},
        {"provider": "nobody"},
        {"window": "25:00-26:00"},
        {"input_file_id": "file-" + "0" * 32, "rows": None},
    ],
)
def test_a_dry_run_refuses_what_a_submission_would(client, wrong):
    asked = {"rows": [{"prompt": "a cat"}], **wrong}
    dry, real = dry_run(client, **asked), client.post("/api/v1/batches", json=asked)
    assert (dry.status_code, real.status_code) in ((422, 422), (404, 404))
    kept = ("code", "errors", "detail")
    assert [dry.json().get(name) for name in kept] == [real.json().get(name) for name in kept]
