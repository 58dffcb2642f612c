"""Edits: how rows name their pictures, what models take, and what reading them costs."""

import json
from decimal import Decimal

import pytest

from darkroom.domain.batchfile import Draft, Intake, survey
from darkroom.domain.reference import Edit, Place, place_of, read_edit, shown_reference
from darkroom.domain.request import Endpoint, Priced, resolve

URL = "https://cdn.example/a.png"
FILE_ID = "file-0199aaaabbbbccccddddeeeeffff0000"
DATA = "data:image/png;base64,iVBORw0KGgo="
LOW = {"prompt": "blue", "quality": "low", "size": "1024x1024"}


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        (URL, Place.URL),
        ("HTTP://CDN.example/a.png", Place.URL),
        (DATA, Place.DATA),
        (FILE_ID, Place.FILE),
        ("file-abcdefghijklmnop", Place.FILE),
        ("file-1.png", Place.PATH),
        ("C:\\shoes\\red.png", Place.PATH),
        ("s3://bucket/a.png", Place.PATH),
    ],
)
def test_where_a_reference_points(reference, place):
    assert place_of(reference) is place


@pytest.mark.parametrize(
    ("cells", "images"),
    [
        ({"image": "a.png"}, ("a.png",)),
        ({"images": f" a.png | {URL}"}, ("a.png", URL)),
        ({"image": f"{DATA}"}, (DATA,)),
        ({"image": ["a.png", {"file_id": FILE_ID}]}, ("a.png", FILE_ID)),
        ({"images": [{"image_url": URL}, {"image_url": DATA}]}, (URL, DATA)),
        ({"images": {"image_url": URL}}, (URL,)),
    ],
)
def test_every_way_to_name_pictures(cells, images):
    assert read_edit(cells).images == images


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ({"images": []}, ["images"]),
        ({"image": " | "}, ["image"]),
        ({"images": [{}]}, ["images"]),
        ({"images": [{"image_url": URL, "file_id": FILE_ID}]}, ["images"]),
        ({"images": [{"image_url": "a.png"}]}, ["images"]),
        ({"images": [{"file_id": URL}]}, ["images"]),
        ({"image": 7}, ["image"]),
        ({"image": "a.png", "images": "b.png"}, ["images"]),
        ({"mask": "m.png"}, ["mask"]),
        ({"mask_box": "0,0,1,1"}, ["mask_box"]),
        ({"image": "a.png", "mask": ["m.png"]}, ["mask"]),
        ({"image": "a.png", "mask": "m.png", "mask_box": "0,0,1,1"}, ["mask_box"]),
        ({"image": "a.png", "mask_box": "0,0,1"}, ["mask_box"]),
        ({"image": "a.png", "mask_box": "5,0,5,9"}, ["mask_box"]),
        ({"image": "a.png", "mask_box": [0, 0, -1, 9]}, ["mask_box"]),
        ({"image": 7, "mask_box": "x"}, ["mask_box", "image"]),
    ],
)
def test_what_names_no_picture_is_refused_by_column(cells, columns):
    assert [problem.column for problem in read_edit(cells)] == columns


def test_several_data_urls_stand_in_one_cell():
    red, blue = "data:image/png;base64,AAEC", "data:image/webp;base64,AwQF"
    assert read_edit({"image": f"{red}|{blue} | shoe.png"}).images == (red, blue, "shoe.png")


@pytest.mark.parametrize(
    ("cell", "part"), [("a.png||b.png", 2), ("a.png| |b.png", 2), ("a.png|", 2), ("|a.png", 1)]
)
def test_an_empty_part_is_a_picture_that_is_missing(cell, part):
    """A sheet that puts cells together leaves one where a cell was empty."""
    [problem] = read_edit({"image": cell})
    assert (problem.code, problem.column, problem.value) == ("image_not_allowed", "image", cell)
    assert f"part {part} is empty" in problem.message


@pytest.mark.parametrize("box", ["0, 1,2,3", [0, 1, 2, 3]])
def test_a_box_is_four_numbers(box):
    assert read_edit({"image": "a.png", "mask_box": box}).box == (0, 1, 2, 3)


@pytest.mark.parametrize("secret", [f"{URL}?sig=s3cret", f"{URL}#s3cret", "https://me:s3cret@h/a"])
def test_no_secret_of_a_url_is_shown(secret):
    assert "s3cret" not in shown_reference(secret)
    [problem] = read_edit({"image": secret, "mask": ["s3"]})
    assert "s3cret" not in str(problem)


def test_a_row_with_a_picture_is_an_edit(models):
    priced = resolve({**LOW, "image": "a.png|b.png", "mask_box": "0,0,8,8"}, models)
    assert priced.request.endpoint is Endpoint.EDITS
    assert priced.request.edit == Edit(("a.png", "b.png"), None, (0, 0, 8, 8), "image")
    assert json.loads(priced.body_json()) == {
        **priced.request.body(),
        "mask_box": [0, 0, 8, 8],
    }
    assert resolve({**LOW, "image": " ", "mask": None}, models).request.edit is None


@pytest.mark.parametrize("number", [1, 3, 16])
def test_each_reference_is_in_the_price_and_in_the_bound(models, number):
    edit = resolve({**LOW, "image": "|".join(["a.png"] * number)}, models)
    none = resolve(LOW, models)
    # 8 dollars a million tokens: about 950 of them for a picture, never more than 6,500.
    assert edit.expected - none.expected == Decimal("0.0076") * number
    assert edit.bound - none.bound == Decimal("0.052") * number


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"image": "|".join(["a.png"] * 17)}, "too_many_images"),
        ({"image": "a.png", "input_fidelity": "high"}, "parameter_refused"),
        ({"input_fidelity": "high"}, "parameter_refused"),
        ({"model": "gpt-image-1.5", "input_fidelity": "high"}, "parameter_refused"),
        (
            {"model": "gpt-image-1-mini", "image": "a.png", "input_fidelity": "high"},
            "value_not_allowed",
        ),
        ({"model": "gpt-image-1.5", "image": "a.png", "input_fidelity": "high"}, None),
        ({"model": "gpt-image-1-mini", "image": "a.png", "input_fidelity": "low"}, None),
        ({"model": "gpt-image-2.6-flare", "image": "|".join(["a.png"] * 16)}, None),
    ],
)
def test_what_models_take(models, parameters, code):
    found = resolve({**LOW, **parameters}, models)
    assert (isinstance(found, Priced) and code is None) or [one.code for one in found] == [code]


def test_rows_that_differ_in_their_pictures_share_no_edit(models):
    rows = [(2, {"prompt": "x", "image": "a.png"}), (3, {"prompt": "x", "image": "b.png|c.png"})]
    intake = Intake(survey(rows), models)
    first, second = (intake.draft(*row) for row in rows)
    assert (first.edit.images, second.edit.images) == (("a.png",), ("b.png", "c.png"))
    assert first.priced.bound < second.priced.bound
    assert first.with_edit(Edit(("0a",))).priced.request.body()["images"] == ["0a"]


def test_the_pictures_of_a_bad_row_are_known_too(models):
    rows = [(2, {"prompt": "x", "image": "a.png", "size": "1x1"})]
    intake = Intake(survey(rows), models)
    assert not isinstance(intake.draft(*rows[0]), Draft)
    assert intake.edit_of(rows[0][1]).images == ("a.png",)
    assert intake.edit_of({"image": "|".join(["a.png"] * 17)}) is None
    assert intake.edit_of({"mask": "a.png"}) is None


@pytest.mark.parametrize(
    ("url", "body", "column"),
    [
        ("/v1/images/edits", {"images": [{"image_url": URL}]}, None),
        ("/v1/images/edits", {"images": [{"image_url": URL}], "mask": {"file_id": FILE_ID}}, None),
        ("/v1/images/edits", {}, "url"),
        ("/v1/images/generations", {"images": [{"image_url": URL}]}, "url"),
        ("/v1/images/edits", {"images": [{"image_url": URL}], "imagse": 1}, "imagse"),
    ],
)
def test_openai_lines_of_edits(models, url, body, column):
    line = {"custom_id": "a", "method": "POST", "url": url, "body": {"prompt": "x", **body}}
    rows = [(1, line)]
    found = Intake(survey(rows), models).draft(1, line)
    assert (column is None and isinstance(found, Draft)) or [one.column for one in found] == [
        column
    ]


@pytest.mark.parametrize("column", ["Image", "mask-box", "Images"])
def test_a_column_that_is_nearly_one_is_not_overlooked(models, column):
    rows = [(2, {"prompt": "x", column: "a.png"})]
    [problem] = Intake(survey(rows), models).header_problems()
    assert problem.column == column
