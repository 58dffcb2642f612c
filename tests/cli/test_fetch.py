"""Images on disk: under safe names, checked, resumable, with a manifest that maps them."""

import csv
import hashlib
from contextlib import suppress

import pytest
from canned import BATCH_ID, OTHER_ID, batch, job

from darkroom.cli.landing import alone_in


@pytest.fixture
def fetch(darkroom):
    def run(out="images", batch_id=BATCH_ID):
        return darkroom("fetch", batch_id, "--out", out)

    return run


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def downloads(api):
    return sum(path.startswith("/api/v1/images/") for _, path, _ in api.asked)


def test_images_lie_under_their_custom_ids(api, fetch, here):
    api.knows(batch(counts={"total": 4, "succeeded": 4}))
    api.has_jobs(
        [
            job(1, "../../x", [api.has_image("1", b"one")]),
            job(2, "Shoe", [api.has_image("2", b"two", "jpeg")]),
            job(3, "shoe", [api.has_image("3", b"three", "webp")]),
        ],
        [job(4, "cat", [api.has_image("4", b"four"), api.has_image("5", b"five")])],
    )
    outcome = fetch()
    assert outcome.status == 0
    images = here / "images"
    found = [
        "%2E.%2F..%2Fx.png",
        "Shoe.jpg",
        "cat-1.png",
        "cat-2.png",
        "manifest.csv",
        "shoe~2.webp",
    ]
    assert names(images) == found
    manifest = rows(images / "manifest.csv")
    assert [(row["custom_id"], row["file"], row["index"]) for row in manifest] == [
        ("../../x", "%2E.%2F..%2Fx.png", "1"),
        ("Shoe", "Shoe.jpg", "1"),
        ("shoe", "shoe~2.webp", "1"),
        ("cat", "cat-1.png", "1"),
        ("cat", "cat-2.png", "2"),
    ]
    for row in manifest:
        content = (images / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert len(content) == int(row["bytes"])
    assert [row["cost_usd"] for row in manifest] == ["0.00593"] * 4 + [""]


def test_what_is_there_is_not_downloaded_again(api, fetch, here):
    api.knows(batch())
    images = [api.has_image("1", b"one"), api.has_image("2", b"two")]
    api.has_jobs([job(1, "a", images[:1]), job(2, "b", images[1:])])
    fetch()
    assert downloads(api) == 2
    fetch()
    assert downloads(api) == 2
    (here / "images" / "b.png").write_bytes(b"tw0")  # the same length, other bytes
    outcome = fetch()
    assert downloads(api) == 3
    assert (here / "images" / "b.png").read_bytes() == b"two"
    assert "2 images, 1 of them there before" in outcome.out


def test_bytes_that_are_not_those_stored_are_never_taken(api, fetch, here):
    api.knows(batch())
    image = api.has_image("1", b"one") | {"sha256": "0" * 64}
    api.has_jobs([job(1, "a", [image]), job(2, "b", [api.has_image("2", b"two")])])
    outcome = fetch()
    assert outcome.status == 1
    assert names(here / "images") == ["b.png", "errors.csv", "manifest.csv"]
    [lost] = rows(here / "images" / "errors.csv")
    assert (lost["custom_id"], lost["code"]) == ("a", "bytes_damaged")
    assert lost["message"].startswith("a.png: its bytes are not those that were stored")


def test_an_image_that_is_lost_keeps_no_other_from_coming(api, fetch, here):
    api.knows(batch(counts={"total": 3, "succeeded": 3}))
    gone, *others = [api.has_image(name, name.encode()) for name in ("1", "2", "3")]
    problem = {"detail": "it is known, but its bytes are not in the storage any more"}
    api.on("GET", gone["url"], problem, status=410)
    api.has_jobs([job(1, "a b", [gone]), job(2, "c", others)])
    (here / "images").mkdir()
    (here / "images" / "a b.png").write_bytes(b"somebody else's")
    outcome = fetch()
    assert outcome.status == 1
    assert "1 image is lost" in outcome.err
    kept = ["a b.png.old", "c-1.png", "c-2.png", "errors.csv", "manifest.csv"]
    assert names(here / "images") == kept
    assert [row["file"] for row in rows(here / "images" / "manifest.csv")] == ["c-1.png", "c-2.png"]
    [lost] = rows(here / "images" / "errors.csv")
    told = (lost["custom_id"], lost["state"], lost["class"], lost["code"])
    assert told == ("a b", "succeeded", "lost", "bytes_missing")
    assert f"`darkroom review {BATCH_ID} --reject 'a b'`" in lost["hint"]
    assert f"`darkroom retry {BATCH_ID} --only rejected`" in lost["hint"]


def test_bytes_that_are_damaged_once_are_asked_for_again(api, fetch, here):
    api.knows(batch())
    image = api.has_image("1", b"one")
    api.on("GET", image["url"], b"0ne", b"one")
    api.has_jobs([job(1, "a", [image])])
    assert fetch().status == 0
    assert (here / "images" / "a.png").read_bytes() == b"one"


def test_what_failed_is_explained_and_forgotten_when_it_is_made(api, fetch, here):
    failure = {
        "class": "moderation",
        "code": "moderation_blocked",
        "message": "no",
        "http_status": 400,
    }
    skipped = {
        "code": "size_not_allowed",
        "message": "no size",
        "line": 9,
        "column": "size",
        "value": "1x1",
        "custom_id": "c",
    }
    api.knows(batch(counts={"succeeded": 1, "failed": 1}, skipped=1, problems=[skipped]))
    made = job(1, "a", [api.has_image("1", b"one")])
    api.has_jobs([made, job(2, "b", state="failed", failure=failure)])
    assert fetch().status == 1
    failed, left_out = rows(here / "images" / "errors.csv")
    assert failed == {
        "custom_id": "b",
        "line": "3",
        "state": "failed",
        "class": "moderation",
        "code": "moderation_blocked",
        "message": "no",
        "hint": "say it in other words, or leave it out",
        "attempts": "1",
        "cost_usd": "0.00593",
        "request_id": "req_2",
        "batch_id": BATCH_ID,
        "prompt": "prompt 2",
    }
    assert (left_out["line"], left_out["custom_id"]) == ("9", "c")
    assert (left_out["class"], left_out["attempts"]) == ("skipped", "0")
    assert "value '1x1'" in left_out["message"]

    api.knows(batch())
    api.has_jobs([made, job(2, "b", [api.has_image("2", b"two")])])
    assert fetch().status == 0
    assert names(here / "images") == ["a.png", "b.png", "manifest.csv"]


def test_data_is_kept_true(api, fetch, here):
    request = {"prompt": '=cmd|" /C calc"!A0\nsecond line, 猫', "model": "m", "n": 1}
    api.knows(batch())
    api.has_jobs([job(1, "=1+1", [api.has_image("1", b"one")], request=request)])
    fetch()
    [row] = rows(here / "images" / "manifest.csv")
    assert (row["custom_id"], row["prompt"], row["file"]) == ("=1+1", request["prompt"], "=1+1.png")


def test_a_full_disk_is_one_clear_error(api, fetch, here, monkeypatch):
    """/dev/full is a file that is full."""
    api.knows(batch())
    api.has_jobs([job(1, "a", [api.has_image("1", b"one" * 100_000)])])
    (here / "images").mkdir()
    (here / "images" / "a.png.part").symlink_to("/dev/full")
    outcome = fetch()
    assert outcome.status == 3
    assert "no room is left in images" in outcome.last_words
    assert f"`darkroom fetch {BATCH_ID} --out images`" in outcome.last_words
    assert f"`darkroom fetch {BATCH_ID} --out ELSEWHERE`" in outcome.last_words
    assert names(here / "images") == []
    assert fetch().status == 0


def test_a_file_that_is_not_ours_is_kept(api, fetch, here, write):
    api.knows(batch())
    api.has_jobs([job(1, "a", [api.has_image("1", b"one")])])
    (here / "images").mkdir()
    for name in ("a.png", "manifest.csv", "notes.txt"):
        write(f"images/{name}", f"my own {name}")
    write("images/a.png.old", "older")
    outcome = fetch()
    assert outcome.status == 0
    assert "2 files of yours have a name of ours in images" in outcome.err
    kept = ["a.png.old", "a.png.old-2", "manifest.csv.old", "notes.txt"]
    assert names(here / "images") == sorted(["a.png", "manifest.csv", *kept])
    assert (here / "images" / "a.png.old-2").read_text() == "my own a.png"
    assert (here / "images" / "a.png").read_bytes() == b"one"


def test_two_that_bring_into_one_directory_take_turns(api, fetch, here, monkeypatch):
    """The same run twice at once: each took the other's half-written files away, and ended as refused."""
    api.knows(batch())
    api.has_jobs([job(1, "a", [api.has_image("1", b"one")])])
    answer, waited = api.answer, []

    def wait(seconds):
        waited.append(seconds)
        raise TimeoutError

    def a_second_comes(method, path, body):
        if path.startswith("/api/v1/images/"):
            with suppress(TimeoutError), alone_in(here / "images", wait):
                pass
        return answer(method, path, body)

    monkeypatch.setattr(api, "answer", a_second_comes)
    assert fetch().status == 0
    assert len(waited) == 1
    with alone_in(here / "images", wait):
        assert names(here / "images") == ["a.png", "manifest.csv"]


def test_images_of_another_batch_are_replaced_with_a_word(api, fetch, here):
    api.knows(batch())
    api.has_jobs([job(1, "a", [api.has_image("1", b"one")])])
    fetch()
    api.has_jobs([job(1, "a", [api.has_image("2", b"two")])])
    api.knows(batch(id=OTHER_ID), batch(id=BATCH_ID, retries=[]))
    api.on(
        "GET",
        f"/api/v1/batches/{OTHER_ID}/jobs",
        {"data": [job(1, "a", [api.has_image("2", b"two")])], "has_more": False, "next": None},
    )
    outcome = fetch(batch_id=OTHER_ID)
    assert f"images of {BATCH_ID} in images were replaced" in outcome.err
    assert (here / "images" / "a.png").read_bytes() == b"two"


def test_the_manifest_names_who_drew_it(api, fetch, here):
    api.knows(batch(provider="sandbox"))
    api.has_jobs([job(1, "a", [api.has_image("1", b"one")], attempts=3)])
    fetch()
    [row] = rows(here / "images" / "manifest.csv")
    assert (row["provider"], row["attempts"]) == ("sandbox", "3")


def test_a_directory_that_cannot_be_is_refused(api, fetch, write):
    write("images", b"a file")
    outcome = fetch()
    assert outcome.status == 2
    assert "--out images cannot be written" in outcome.last_words
    assert api.asked == []


def test_images_that_have_expired_are_named_and_those_at_hand_are_kept(api, fetch, here):
    api.knows(batch(counts={"total": 3, "succeeded": 3}))
    found = [api.has_image(name, name.encode()) for name in ("1", "2", "3")]
    api.has_jobs([job(number, str(number), [one]) for number, one in enumerate(found, 1)])
    (here / "images").mkdir()
    (here / "images" / "1.png").write_bytes(b"1")
    for one in found[:2]:
        one["expired_at"] = "2026-11-22T20:00:01Z"
    outcome = fetch()
    assert outcome.status == 0
    assert "1 image has expired" in outcome.err
    assert names(here / "images") == ["1.png", "3.png", "manifest.csv"]
    assert [row["file"] for row in rows(here / "images" / "manifest.csv")] == ["1.png", "3.png"]
    assert downloads(api) == 1
