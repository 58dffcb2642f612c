"""Pictures of this machine: looked at before anything is sent, uploaded once each."""

import base64
import json

import pytest
from canned import BATCH_ID, batch
from gallery import bomb, picture

FILES = "/api/v1/files"
FILE_ID = "file-019ab2c34d5e7f00a1b2c3d4e5f60718"


def estimated(darkroom, name):
    outcome = darkroom("estimate", name, "--json")
    return outcome, json.loads(outcome.out)


def test_an_estimate_looks_at_the_pictures_without_a_stack(darkroom, write, here):
    (here / "list").mkdir()
    (here / "list" / "red.png").write_bytes(picture())
    write("list/p.csv", 'prompt,image,mask_box\nblue,red.png,"0,0,8,8"\na cat,,\n')
    outcome, told = estimated(darkroom, "list/p.csv")
    assert outcome.status == 0, outcome.err
    assert (told["rows"], told["bad_rows"]) == (2, 0)


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ("gone.png,,", "image", "there is no file"),
        ("bomb.png,,", "image", "more than the 200 million"),
        ("a.svg,,", "image", "PNG, JPEG or WebP"),
        ("red.png|gone.png,,", "image", "there is no file"),
        ("red.png,red.png,", "mask", "alpha channel"),
        ("red.png,small.png,", "mask", "make it 64×48"),
        ('red.png,,"0,0,65,9"', "mask_box", "within the picture"),
        ("/dev,,", "image", "no regular file"),
        ("/dev/zero,,", "image", "no regular file"),
    ],
)
def test_a_picture_that_cannot_be_used_is_named_by_line_and_column(
    darkroom, write, cells, column, words
):
    write("red.png", picture())
    write("small.png", picture((8, 8), "RGBA"))
    write("bomb.png", bomb())
    write("a.svg", "<svg/>")
    outcome, told = estimated(darkroom, write("p.csv", f"prompt,image,mask,mask_box\nx,{cells}\n"))
    assert outcome.status == 2
    [problem] = told["problems"]
    assert (problem["line"], problem["column"]) == (2, column)
    assert words in problem["message"]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("data:image/png;base64,iVBOR!", "base64 is broken"),
        ("data:image/png;base64,iVBORw0KGgo=", "PNG, JPEG or WebP"),
        ("data:text/plain,shoe", "write data:image/png;base64"),
        ("http://192.168.0.7/shoe.png", "leads to a private address"),
        ("https://[::1]/shoe.png", "leads to a loopback address"),
        ("http://localhost/shoe.png", "leads to a loopback address"),
        ("https://cdn.example:8443/shoe.png", "port 8443 is not allowed"),
        ("http:///shoe.png", "no http:// or https:// and host"),
    ],
)
def test_what_a_reference_itself_tells_is_told_before_anybody_goes_out_for_it(
    darkroom, write, reference, words
):
    rows = [{"prompt": "x", "images": ["https://cdn.example/a.png", reference]}] * 2
    outcome, told = estimated(darkroom, write("p.jsonl", "\n".join(map(json.dumps, rows))))
    assert outcome.status == 2
    assert [(one["line"], one["column"]) for one in told["problems"]] == [
        (1, "images"),
        (2, "images"),
    ]
    assert words in told["problems"][0]["message"]


def test_private_addresses_pass_where_workers_may_go_there(darkroom, write, monkeypatch):
    monkeypatch.setenv("DARKROOM_ALLOW_PRIVATE_URLS", "true")
    outcome, _ = estimated(darkroom, write("p.csv", "prompt,image\nx,http://10.0.0.7:81/a.png\n"))
    assert outcome.status == 0, outcome.err


def test_a_picture_in_the_row_itself_is_no_upload(darkroom, write, api):
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    write("p.jsonl", json.dumps({"prompt": "x", "image": url}) + "\n")
    api.on("POST", FILES, {"id": FILE_ID})
    api.on("POST", "/api/v1/batches", batch(status="validating"), status=202)
    assert darkroom("submit", "p.jsonl").status == 0
    assert [path for _, path, _ in api.asked].count(FILES) == 1


def test_each_content_is_handed_in_once_and_paths_are_named(darkroom, write, api):
    red, blue = picture(shade=200), picture(shade=10)
    for name, data in {"red.png": red, "again.png": red, "blue.png": blue}.items():
        write(name, data)
    write(
        "p.csv",
        "prompt,image\na,red.png\nb,again.png|red.png\nc,blue.png\nd,https://cdn.example/x\n",
    )
    unknown, known = (
        {"data": found, "has_more": False, "next": None} for found in ([], [{"id": FILE_ID}])
    )
    api.on("GET", FILES, unknown, known)
    api.takes(batch())
    outcome = darkroom("submit", "p.csv")
    assert (outcome.status, outcome.out.strip()) == (0, BATCH_ID), outcome.err
    picture_sent, list_sent = api.bodies("POST", FILES)
    assert b"vision" in picture_sent
    assert b"again.png|red.png" in list_sent
    [body] = api.bodies("POST", "/api/v1/batches")
    named = json.loads(body)["files"]
    assert named["red.png"] == named["again.png"] != named["blue.png"]
    assert set(named.values()) == {"file-1", FILE_ID}


def test_another_picture_of_the_same_name_is_another_list(darkroom, write, api):
    write("p.csv", "prompt,image\na,red.png\n")
    api.on("GET", FILES, {"data": [{"id": FILE_ID}], "has_more": False, "next": None})
    api.takes(batch(), status=200)
    api.knows(batch())
    api.has_jobs([])
    for shade in (1, 1, 2):
        write("red.png", picture(shade=shade))
        darkroom("run", "p.csv", "--out", "out")
    first, same, other = (
        json.loads(body)["fingerprint"] for body in api.bodies("POST", "/api/v1/batches")
    )
    assert first == same != other


def test_a_mask_stays_below_what_the_model_takes(darkroom, write, monkeypatch):
    small = {"gpt-image-2": {"references": {"mask_bytes": 100}}}
    monkeypatch.setenv("DARKROOM_MODELS", json.dumps(small))
    write("red.png", picture())
    write("mask.png", picture(mode="RGBA"))
    outcome, told = estimated(darkroom, write("p.csv", "prompt,image,mask\nx,red.png,mask.png\n"))
    assert outcome.status == 2
    [problem] = told["problems"]
    assert problem["column"] == "mask"
    assert "a mask must be under 0.0001 MB" in problem["message"]
