"""`run` and `submit`: what is handed in, what is said, and how to go on after an interruption."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from decimal import Decimal

import pytest
from canned import BATCH_ID, PATIENCE, WORKING, batch, job

from darkroom.cli.ending import Exit
from darkroom.cli.main import told
from darkroom.cli.options import Drawing, Submission

ROWS = "prompt\na cat\na dog\n"
SUBMIT = ("POST", "/api/v1/batches")


@pytest.fixture
def made(api, write):
    """An API that makes both images of a list."""
    write("p.csv", ROWS)
    api.takes(batch(**WORKING, counts={"queued": 2}))
    api.knows(batch())
    images = [api.has_image("1", b"one"), api.has_image("2", b"two")]
    api.has_jobs([job(1, "0002", images[:1]), job(2, "0003", images[1:])])
    return api


def submitted(api):
    return [json.loads(body) for body in api.bodies(*SUBMIT)]


def test_a_list_becomes_images(made, darkroom, here):
    options = ["--size", "1024x1024", "--format", "webp", "--n", "2", "--priority", "5"]
    more = ["--on-moderation", "low", "--budget", "3", "--name", "night"]
    more += ["--deadline", "2099-01-01T01:00", "--window", "22:00-06:00"]
    more += ["--timezone", "Europe/Berlin"]
    outcome = darkroom("run", "p.csv", "--out", "images", *options, *more)
    assert outcome.status == 0
    assert sorted(path.name for path in (here / "images").iterdir()) == [
        "0002.png",
        "0003.png",
        "manifest.csv",
    ]
    happened, where, following = outcome.out.splitlines()
    assert happened.startswith(
        "2 of 2 prompts made (2 images); spent $0.0119; done 1 min 15 s after submission"
    )
    assert where.startswith(f"{here / 'images'}: 2 images, manifest.csv")
    assert following.startswith("next: ")
    [body] = submitted(made)
    assert body.pop("fingerprint")
    assert body == {
        "input_file_id": "file-1",
        "name": "night",
        "defaults": {"size": "1024x1024", "output_format": "webp", "n": 2},
        "template": None,
        "skip_bad_rows": False,
        "on_moderation": "low",
        "budget": "3",
        "deadline": "2099-01-01T00:00:00Z",
        "window": "22:00-06:00",
        "timezone": "Europe/Berlin",
        "priority": 5,
        "again": False,
        "focus": None,
        "files": None,
    }
    [upload] = made.bodies("POST", "/api/v1/files")
    assert ROWS.encode() in upload
    assert b'filename="p.csv"' in upload


def test_a_batch_is_called_as_its_file_unless_somebody_names_it(made, darkroom):
    assert darkroom("run", "p.csv", "--out", "images").status == 0
    assert submitted(made)[0]["name"] == "p.csv"


def test_the_same_list_has_the_same_fingerprint():
    plain = Submission(Drawing({}))
    told = Submission(Drawing({}), budget=Decimal(9), name="x", priority=2, again=True)
    sized = Submission(Drawing({"size": "1024x1024"}))
    first = plain.remembered("sha", sandbox=False).fingerprint
    others = [
        sized.remembered("sha", sandbox=False),
        plain.remembered("other", sandbox=False),
        plain.remembered("sha", sandbox=True),
    ]
    assert told.remembered("sha", sandbox=False).fingerprint == first
    assert len({first, *(one.fingerprint for one in others)}) == 4


def test_again_asks_for_a_new_batch(made, darkroom):
    assert darkroom("run", "p.csv", "--out", "images", "--again").status == 0
    assert submitted(made)[0]["again"] is True


def test_a_finished_list_is_not_paid_again(made, darkroom):
    made.takes(batch(), status=200)
    outcome = darkroom("run", "p.csv", "--out", "images")
    assert outcome.status == 0
    assert f"batch {BATCH_ID} is already finished: nothing to pay" in outcome.err


def test_another_directory_is_no_reason_to_pay_again(made, darkroom, here):
    (here / ".darkroom").mkdir()
    assert darkroom("run", "p.csv", "--out", "a").status == 0
    made.takes(batch(), status=200)
    outcome = darkroom("run", "p.csv", "--out", "b")
    assert outcome.status == 0
    assert f"this list was made as {BATCH_ID} into {here / 'a'}" in outcome.err
    assert "copied into b, nothing is paid twice; --again makes new ones" in outcome.err
    assert (here / "b" / "0002.png").read_bytes() == b"one"
    first, second = submitted(made)
    assert first["fingerprint"] == second["fingerprint"]


def test_a_higher_budget_goes_on_with_the_paused_batch(made, darkroom):
    paused = batch(**WORKING, paused_reason="budget", cost={"cap": "1"}, counts={"queued": 2})
    made.takes(paused, status=200)
    made.on("POST", f"/api/v1/batches/{BATCH_ID}/resume", batch(**WORKING, counts={"queued": 2}))
    outcome = darkroom("run", "p.csv", "--out", "images", "--budget", "2")
    assert f"going on with batch {BATCH_ID}" in outcome.err
    [resumed] = made.bodies("POST", f"/api/v1/batches/{BATCH_ID}/resume")
    assert json.loads(resumed) == {"budget": "2"}


def test_a_paused_batch_stops_the_run_with_the_fix(made, darkroom, here):
    paused = batch(**WORKING, paused_reason="budget", counts={"queued": 1, "succeeded": 1})
    made.takes(paused, status=200)
    made.has_jobs([job(1, "0002", [made.has_image("1", b"one")]), job(2, "0003", state="queued")])
    outcome = darkroom("run", "p.csv", "--out", "images")
    assert outcome.status == 3
    assert f"darkroom resume {BATCH_ID} --budget DOLLARS" in outcome.out
    assert (here / "images" / "0002.png").exists()


def test_bad_rows_are_left_out_when_asked(made, darkroom, write):
    write("p.csv", "prompt,size\na cat,1024x1024\na dog,1x1\n")
    outcome = darkroom("run", "p.csv", "--out", "images", "--skip-bad-rows")
    assert outcome.status == 0
    assert "p.csv:3: column size, value '1x1'" in outcome.err
    assert "p.csv: 1 row, 1 skipped, 1 image" in outcome.err
    assert submitted(made)[0]["skip_bad_rows"] is True


def test_detach_and_submit_print_the_id_alone(made, darkroom):
    assert darkroom("run", "p.csv", "--out", "images", "--detach").out == f"{BATCH_ID}\n"
    outcome = darkroom("submit", "p.csv")
    assert (outcome.status, outcome.out) == (0, f"{BATCH_ID}\n")
    assert submitted(made)[1]["fingerprint"] is None


def test_a_list_that_ingest_refuses_is_told(made, darkroom):
    problem = {"code": "x", "message": "write one", "line": 2, "column": "prompt", "value": None}
    made.knows(batch(status="failed", counts={"total": 0}, problems=[problem]))
    outcome = darkroom("run", "p.csv", "--out", "images")
    assert outcome.status == 2
    assert "was refused; nothing was spent" in outcome.out
    assert "input:2: column prompt: write one" in outcome.out


def test_an_api_that_is_away_is_told(write, darkroom, monkeypatch):
    monkeypatch.setenv("DARKROOM_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_x")
    outcome = darkroom("run", write("p.csv", ROWS), "--out", "images")
    assert outcome.status == 3
    assert "the API at http://127.0.0.1:9 does not answer" in outcome.last_words


def test_an_interrupted_run_says_how_to_come_back(made, tmp_path):
    """The API is not its own, so the batch goes on without it."""
    made.knows(batch(**WORKING, counts={"running": 1, "dispatched": 1}))
    command = [
        sys.executable,
        "-m",
        "darkroom.cli",
        "run",
        "p.csv",
        "--out",
        "my images",
        "--again",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        made.wait_for("GET", f"/api/v1/batches/{BATCH_ID}")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    called = f"{sys.executable} -m darkroom.cli"
    assert err.decode().splitlines()[-3:] == [
        "so far 0 of 2 prompts made, $0.0119 spent, 1 call in flight",
        f"what is made is kept; to bring it into my images: {called} fetch {BATCH_ID} --out 'my images'",
        f"darkroom: batch {BATCH_ID} goes on; to come back: {called} run p.csv --out 'my images'",
    ]
    assert made.bodies("POST", f"/api/v1/batches/{BATCH_ID}/pause") == []


@pytest.mark.parametrize("at_home", [True, False])
def test_an_unexpected_error_is_one_line_and_a_private_log(here, monkeypatch, at_home):
    folder = here / ".darkroom" / "log" if at_home else here
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(here))
    message, status = told(KeyError("what\nis this"))
    [log] = folder.iterdir()
    assert status is Exit.BUG
    assert log.stat().st_mode & 0o777 == 0o600
    assert "\n" not in message
    assert str(log) in message
    assert "KeyError" in log.read_text(encoding="utf-8")
