"""fetch --check: what deserves a second look is named with its reason, and can be rejected by that list."""

import csv
import json
from io import BytesIO

from canned import BATCH_ID, OTHER_ID, batch, job
from PIL import Image, ImageDraw


def _png(*, circle=None):
    image = Image.new("RGB", (64, 64), "white")
    if circle:
        ImageDraw.Draw(image).ellipse(circle, fill="black")
    target = BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def test_what_is_blank_twice_there_or_of_another_size_is_named(api, darkroom, here):
    shoe = _png(circle=(4, 8, 40, 50))
    pictures = {
        "shoe/front": shoe,
        "shoe/side": shoe,
        "boot/front": shoe,
        "cat": _png(),
        "dog": _png(circle=(30, 2, 60, 30)),
    }
    api.knows(batch(counts={"total": 5, "succeeded": 5}))
    asked = {"prompt": "p", "output_format": "png"}
    api.has_jobs(
        [
            job(
                number,
                name,
                [api.has_image(str(number), data)],
                request={**asked, "size": "8x4" if name != "dog" else "16x16"},
            )
            for number, (name, data) in enumerate(pictures.items())
        ]
    )
    outcome = darkroom("fetch", BATCH_ID, "--out", "images", "--check")
    assert outcome.status == 0
    assert "checks.csv (3 images)" in outcome.out
    with (here / "images" / "checks.csv").open(newline="") as file:
        found = {(row["custom_id"], row["check"]) for row in csv.DictReader(file)}
    assert found == {("boot/front", "duplicate"), ("cat", "blank"), ("dog", "size")}


def test_where_all_is_well_there_is_no_list(api, darkroom, here):
    api.knows(batch(counts={"total": 1, "succeeded": 1}))
    api.has_jobs([job(1, "cat", [api.has_image("1", _png(circle=(4, 8, 40, 50)))])])
    (here / "images").mkdir()
    (here / "images" / "checks.csv").write_text(
        "custom_id,file,check,reason\nof,an,earlier,fetch\n"
    )
    outcome = darkroom("fetch", BATCH_ID, "--out", "images", "--check")
    assert (outcome.status, "checks.csv" in outcome.out) == (0, False)
    assert sorted(path.name for path in (here / "images").iterdir()) == ["cat.png", "manifest.csv"]


def test_what_does_not_pass_is_rejected_and_made_anew_within_its_budget(api, darkroom, here):
    """Once for each round, until all is well."""
    bad, good = _png(), _png(circle=(4, 8, 40, 50))
    api.knows(batch(counts={"total": 1, "succeeded": 1}))
    rounds = [
        [job(1, "cat", [api.has_image(name, data)])] for name, data in (("1", bad), ("2", good))
    ]
    jobs = [{"data": page, "has_more": False, "next": None} for page in rounds]
    api.on("GET", f"/api/v1/batches/{BATCH_ID}/jobs", *jobs)
    told = {"approved": 0, "rejected": 1, "undecided": 0, "changed": 1, "recalled": 0}
    api.on("POST", f"/api/v1/batches/{BATCH_ID}/reviews", {"batch_id": BATCH_ID, **told})
    anew = batch(id=OTHER_ID, retry_of=BATCH_ID, counts={"total": 1, "succeeded": 1})

    api.on("POST", f"/api/v1/batches/{BATCH_ID}/retry", anew, status=202)
    outcome = darkroom(
        *("fetch", BATCH_ID, "--out", "images", "--check", "--reroll", "3", "--budget", "0.5")
    )
    assert (outcome.status, "checks.csv" in outcome.out) == (0, False), outcome.err
    assert "1 image did not pass and will be made anew" in outcome.err
    assert (here / "images" / "cat.png").read_bytes() == good
    [asked] = api.bodies("POST", f"/api/v1/batches/{BATCH_ID}/retry")
    assert json.loads(asked) == {"only": ["rejected"], "budget": "0.5"}


def test_nothing_is_made_anew_without_a_budget(api, darkroom):
    outcome = darkroom("fetch", BATCH_ID, "--out", "images", "--check", "--reroll", "1")
    assert outcome.status == 2
    assert "--budget DOLLARS" in outcome.last_words
    assert api.asked == []
