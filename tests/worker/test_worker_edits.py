"""Edits from a row to an image through a real worker and the sandbox, and everything that is refused before."""

import io
import json
from decimal import Decimal

import pytest
from gallery import Gate, bomb, data_url, picture, site, uploaded
from PIL import Image

from darkroom.blobs import open_store
from darkroom.domain.batch import BatchStatus, PausedReason
from darkroom.store import batches, insights
from darkroom.store.session import transaction
from darkroom.store.tables import jobs

PRIVATE = {"DARKROOM_ALLOW_PRIVATE_URLS": "1"}
BOX = "0,0,32,24"


@pytest.fixture
def start(world):
    def started(**environment):
        return world.start_worker(**environment)

    return started


def made(world, *rows, **options):
    batch_id = world.submit([{"prompt": "make it blue", **row} for row in rows], **options)
    view = world.until(batch_id)
    assert view.status is BatchStatus.COMPLETED, (view.status, view.problems)
    assert view.counts.succeeded == len(rows), view
    return view


def requests(world):
    with transaction(world.engine) as connection:
        return connection.execute(jobs.select().order_by(jobs.c.line)).all()


def problems(world, *rows, **options):
    batch_id = world.submit([{"prompt": "make it blue", **row} for row in rows], **options)
    view = world.until(batch_id)
    assert view.status is BatchStatus.FAILED
    assert view.counts.total == 0
    assert world.sandbox.calls() == []
    with transaction(world.engine) as connection:
        found = insights.problems_page(connection, batch_id, limit=100)
    return [(one["line"], one["column"], one["code"]) for one in found], found


def test_an_edit_takes_its_pictures_from_wherever_they_are(world, start):
    start(**PRIVATE)
    there, mine = picture(shade=10), picture(kind="JPEG", shade=20)
    file_id = uploaded(world, mine)
    with site({"/a.png": there, "/moved.png": "/a.png"}) as web:
        rows = [
            {"image": f"{web.url}/a.png?signature=secret"},
            {"images": f"{web.url}/a.png?signature=secret | {file_id} | {web.url}/moved.png"},
            {"images": [{"image_url": data_url(picture(kind="WEBP"), "webp")}] * 16},
            {"image": "shoe.png", "quality": "low"},
            {"prompt": "a cat"},
        ]
        view = made(world, *rows, files={"shoe.png": file_id})
        assert web.asked == {"/a.png": 2, "/moved.png": 1}
    calls = {call["references"]: call for call in world.sandbox.calls()}
    assert sorted(calls) == [0, 1, 3, 16]
    assert {call["endpoint"] for number, call in calls.items() if number} == {"/v1/images/edits"}
    assert view.cost.spent == Decimal(world.sandbox.totals()["cost"])
    for row in requests(world):
        assert all(len(sha256) == 64 for sha256 in row.request.get("images", ()))
        assert "secret" not in str(row.request)
    log = world.processes[0].log.read_text()
    assert "secret" not in log


def test_masks_made_of_boxes_openai_lines_and_what_is_reserved(world, start):
    start()
    first, mask = data_url(picture()), data_url(picture(mode="RGBA"))
    body = {"model": "gpt-image-2", "images": [{"image_url": first}], "prompt": "blue"}
    line = {
        "method": "POST",
        "url": "/v1/images/edits",
        "body": body | {"mask": {"image_url": mask}},
    }
    rows = [{"image": first, "mask": mask}, {"image": first, "mask_box": BOX}, line, {}]
    made(world, *rows)
    assert sorted(call["references"] for call in world.sandbox.calls()) == [0, 1, 1, 1]
    given, boxed, in_line, none = requests(world)
    assert given.bound - none.bound == Decimal("0.052")
    assert given.request["images"] == boxed.request["images"] == in_line.request["images"]
    assert given.request["mask"] == in_line.request["mask"]
    assert "mask_box" not in boxed.request
    data = open_store(world.storage_url).get(boxed.request["mask"])
    with Image.open(io.BytesIO(data)) as image:
        assert (image.mode, image.size) == ("RGBA", (64, 48))
        assert [image.getpixel(at)[3] for at in ((31, 23), (32, 24))] == [0, 255]


def test_everything_wrong_with_the_pictures_of_a_file_is_named_in_one_pass(world, start):
    start(**PRIVATE)
    foreign = uploaded(world, picture(shade=77), project="another")
    first = data_url(picture())
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    with site({"/huge.png": bytes(51_000_000), "/bomb.png": bomb(), "/a.svg": svg}) as web:
        rows = {
            "a path": ({"image": "shoe.png"}, "image"),
            "a bomb": ({"image": f"{web.url}/bomb.png"}, "image"),
            "an SVG": ({"image": f"{web.url}/a.svg"}, "image"),
            "51 MB": ({"image": f"{web.url}/huge.png"}, "image"),
            "gone": ({"image": f"{web.url}/gone.png"}, "image"),
            "another project's": ({"image": foreign}, "image"),
            "nobody's": ({"image": "file-" + "0" * 32}, "image"),
            "no base64": ({"image": "data:image/png;base64,%%%"}, "image"),
            "a GIF": ({"image": data_url(picture(kind="GIF", mode="L"), "gif")}, "image"),
            "17 images": ({"image": " | ".join(["shoe.png"] * 17)}, "image"),
            "mask wrong size": (
                {"image": first, "mask": data_url(picture((8, 8), "RGBA"))},
                "mask",
            ),
            "mask without alpha": ({"image": first, "mask": data_url(picture())}, "mask"),
            "a mask alone": ({"mask": first}, "mask"),
            "mask and box": ({"image": first, "mask": first, "mask_box": BOX}, "mask_box"),
            "box outside": ({"image": first, "mask_box": "0,0,65,48"}, "mask_box"),
            "box of words": ({"image": first, "mask_box": "all"}, "mask_box"),
            "fidelity": ({"image": first, "input_fidelity": "high"}, "input_fidelity"),
        }
        found, full = problems(world, *(row for row, _ in rows.values()))
    expected = [(line, column) for line, (_, column) in enumerate(rows.values(), 1)]
    assert sorted({(line, column) for line, column, _ in found}) == expected, full
    assert all(problem["message"] and problem["value"] is not None for problem in full)


def test_nobody_reaches_our_own_network_and_all_problems_of_a_row_are_named(world, start):
    start()
    with site({"/a.png": picture()}) as inner:
        row = {"image": f"{inner.url}/a.png|b.png", "size": "1080x1920", "n": 11}
        found, full = problems(world, row)
        assert inner.asked == {}
    assert sorted(column for _, column, _ in found) == ["image", "image", "n", "size"]
    assert any("port" in one["message"] or "loopback" in one["message"] for one in full)
    rows = [{"prompt": "x", "image": "nowhere.png"}, {"prompt": "y", "image": data_url(picture())}]
    view = world.until(world.submit(rows, skip_bad_rows=True))
    assert (view.counts.succeeded, view.skipped) == (1, 1)


def test_a_picture_that_is_gone_fails_its_job_and_costs_nothing(world, start):
    start()
    batch_id = world.submit([{"prompt": "x", "image": data_url(picture())}], cap="0.00001")
    world.until_view(batch_id, lambda view: view.paused_reason == PausedReason.BUDGET)
    open_store(world.storage_url).delete(requests(world)[0].request["images"][0])
    with transaction(world.engine) as connection:
        batches.resume(connection, batch_id, cap=Decimal(1))
    view = world.until(batch_id)
    assert (view.counts.failed, view.cost.spent, view.cost.reserved) == (1, 0, 0)
    assert world.sandbox.calls() == []
    [job] = world.jobs(batch_id)
    assert job.failure["code"] == "reference_missing"


def test_who_waits_for_an_edit_does_not_wait_behind_the_file_of_others(world, start):
    start(**PRIVATE)
    gate = Gate()
    with site({"/slow.png": gate}) as web:
        world.submit([{"prompt": "a night", "image": f"{web.url}/slow.png"}])
        assert gate.reached.wait(30)
        row = {"prompt": "make it blue", "image": data_url(picture())}
        alone = world.until(world.submit([row], more={"lone": True}))
        gate.opened.set()
    assert alone.status is BatchStatus.COMPLETED


def test_an_edit_is_not_softened_where_edits_take_no_moderation(world, start):
    off = {"gpt-image-2": {"references": {"moderation": False}}}
    start(DARKROOM_MODELS=json.dumps(off))
    row = {"prompt": "[[fault:moderation*1]] blue", "image": data_url(picture())}
    view = world.until(world.submit([row], on_moderation="low"))
    assert (view.counts.failed, len(world.sandbox.calls())) == (1, 1)
