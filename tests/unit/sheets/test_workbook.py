import random
import zipfile
from pathlib import Path

import pytest

from darkroom.domain.problem import BadInput
from darkroom.sheets import Row, read

from .conftest import MAIN, sheet_of, text_cell


def refused(path: Path):
    with pytest.raises(BadInput) as caught:
        list(read(path))
    return caught.value.problems[0]


def test_rows_carry_the_sheets_own_row_numbers(make_workbook):
    rows = sheet_of({3: ["", "prompt", "note"], 5: ["", 'a cat,\n"sat"', "猫"], 9: ["", "b", "c"]})
    assert list(read(make_workbook({"List": rows}))) == [
        Row(5, {"prompt": 'a cat,\n"sat"', "note": "猫"}),
        Row(9, {"prompt": "b", "note": "c"}),
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="B2"><v>12345</v></c>', "12345"),
        ('<c r="B2"><v>9780201379624</v></c>', "9780201379624"),
        ('<c r="B2"><v>0.30000000000000004</v></c>', "0.3"),
        ('<c r="B2"><v>1.50</v></c>', "1.5"),
        ('<c r="B2"><v>1E+20</v></c>', "100000000000000000000"),
        ('<c r="B2"><v>-0.000001</v></c>', "-0.000001"),
        ('<c r="B2" t="b"><v>1</v></c>', "true"),
        ('<c r="B2" t="b"><v>0</v></c>', "false"),
        ('<c r="B2" s="1"><v>45000</v></c>', "2023-03-15"),
        ('<c r="B2" s="2"><v>45000.5</v></c>', "2023-03-15T12:00:00"),
        ('<c r="B2" t="str"><f>A1</f><v> kept </v></c>', " kept "),
        ("", ""),
    ],
)
def test_cells_read_as_a_person_sees_them(make_workbook, cell, text):
    header = sheet_of({1: ["prompt", "value"]})
    path = make_workbook({"List": f'{header}<row r="2">{text_cell("A2", "a")}{cell}</row>'})
    assert [row.cells for row in read(path)] == [{"prompt": "a", "value": text}]


def test_the_first_visible_sheet_that_holds_anything_is_read(make_workbook):
    path = make_workbook(
        {
            "Lookup": sheet_of({1: ["code"], 2: ["x"]}),
            "Empty": "",
            "List": sheet_of({1: ["prompt"], 2: ["a cat"]}),
            "More": sheet_of({1: ["other"], 2: ["y"]}),
        },
        hidden=["Lookup"],
    )
    assert list(read(path)) == [Row(2, {"prompt": "a cat"})]


def test_a_value_under_no_name_is_a_problem_and_the_next_row_follows(make_workbook):
    rows = sheet_of({1: ["prompt"], 2: ["a", "stray"], 3: ["b"]})
    problem, row = read(make_workbook({"List": rows}))
    assert (problem.code, problem.line, problem.value) == ("unnamed_column", 2, "stray")
    assert row == Row(3, {"prompt": "b"})


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ({}, "empty_file"),
        ({1: ["prompt"]}, "no_rows"),
        ({1: ["prompt", "x", "prompt"], 2: ["a"]}, "duplicate_column"),
    ],
)
def test_a_sheet_without_rows_is_refused(make_workbook, rows, code):
    assert refused(make_workbook({"List": sheet_of(rows)})).code == code


def test_a_stray_cell_far_away_is_refused_before_it_fills_the_memory(make_workbook):
    rows = (
        sheet_of({1: ["prompt"], 2: ["a"]})
        + f'<row r="1048576">{text_cell("XFD1048576", "x")}</row>'
    )
    problem = refused(make_workbook({"List": rows}))
    assert problem.code == "sheet_too_large"
    assert "1,048,576 rows × 16,384 columns" in problem.message


def shared(count, text):
    """Rows that all show one text, and the part that holds it."""
    rows = "".join(
        f'<row r="{number}"><c r="A{number}" t="s"><v>1</v></c></row>'
        for number in range(1, count + 1)
    )
    texts = f'<sst xmlns="{MAIN}"><si/><si><t>{text}</t></si></sst>'
    return rows, {"xl/sharedStrings.xml": texts.encode()}


def test_shared_texts_are_read(make_workbook):
    rows, extra = shared(3, "a cat")
    found = list(read(make_workbook({"List": rows}, extra=extra)))
    assert found == [Row(2, {"a cat": "a cat"}), Row(3, {"a cat": "a cat"})]


def test_a_long_text_shown_in_every_cell_is_refused_before_it_fills_the_memory(make_workbook):
    rows, extra = shared(60_000, "x" * 30_000)
    path = make_workbook({"List": rows}, extra=extra)
    assert path.stat().st_size < 1_048_576
    problem = refused(path)
    assert problem.code == "sheet_too_large"
    assert "bytes of text" in problem.message


@pytest.mark.parametrize("megabytes", [40, 513])
def test_a_bomb_is_refused_before_it_is_unpacked(make_workbook, megabytes):
    path = make_workbook({"List": ""}, extra={"xl/media/x.bin": bytes(megabytes * 1_048_576)})
    assert path.stat().st_size < 1_048_576
    assert refused(path).code == "workbook_too_large"


def test_another_archive_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "list.xlsx", "w") as archive:
        archive.writestr("readme.txt", "hello")
    problem = refused(tmp_path / "list.xlsx")
    assert "looks like a ZIP archive without an Excel workbook" in problem.message


def test_a_damaged_workbook_is_refused_and_nothing_else_ever_comes_out(make_workbook):
    whole = make_workbook({"List": sheet_of({1: ["prompt"], 2: ["a"], 3: ["b"]})}).read_bytes()
    path = make_workbook({"List": ""}, name="damaged.xlsx")
    chance = random.Random(7)
    refusals = 0
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            broken[chance.randrange(4, len(broken))] = chance.randrange(256)
        path.write_bytes(broken[: chance.choice([len(broken), chance.randrange(5, len(broken))])])
        try:
            list(read(path))
        except BadInput:
            refusals += 1
    assert refusals > 200
