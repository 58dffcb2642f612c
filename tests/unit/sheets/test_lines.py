"""The formats of one row a line: JSONL and plain text."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.problem import Problem
from darkroom.sheets import Row, read
from darkroom.sheets.jsonl import LINE_LIMIT


def test_each_object_is_a_row(rows_of):
    content = (
        b'\xef\xbb\xbf{"prompt": "a cat", "n": 2}\r\n\n  \n{"body": {"prompt": "x"}, "tags": [1]}'
    )
    assert rows_of("list.jsonl", content) == [
        Row(1, {"prompt": "a cat", "n": 2}),
        Row(4, {"body": {"prompt": "x"}, "tags": [1]}),
    ]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (b'{"prompt": "a ca', "invalid_json", "EOF while parsing a string at byte 16"),
        (b'{"prompt": "a"} x', "invalid_json", "trailing characters"),
        (b'{"a": 1, "a": 2}', "invalid_json", 'duplicate key "a"'),
        (b'{"a": {"b": 1, "b": 2}}', "invalid_json", 'duplicate key "b"'),
        (b'{"a": NaN}', "invalid_json", "expected value"),
        (b'{"a": -Infinity}', "invalid_json", "invalid number"),
        (b'{"a": [{"b": 1e999}]}', "number_too_large", "write a smaller one"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "invalid_json", "out of range"),
        (b'{"a": "\\ud800"}', "invalid_json", "hex escape"),
        (b'"a cat"', "not_an_object", "is JSON but no object"),
        (b'["a"]', "not_an_object", "is JSON but no object"),
        (b'{"a":' * 100_000, "invalid_json", "recursion limit exceeded"),
        (b"[" * 100_000 + b"]" * 100_000, "invalid_json", "recursion limit exceeded"),
    ],
)
def test_a_bad_line_is_a_problem_and_the_next_one_follows(rows_of, line, code, said):
    good, problem, last = rows_of("list.jsonl", b'{"p": 1}\n' + line + b'\n{"p": 2}\n')
    assert (good, last) == (Row(1, {"p": 1}), Row(3, {"p": 2}))
    assert (problem.code, problem.line) == (code, 2)
    assert said.lower() in problem.message.lower()
    assert problem.value is None or len(problem.value) <= 60


def test_a_line_may_carry_images_of_32_megabytes_and_no_more(put):
    frame = b'{"image": "%s"}\n'
    room = LINE_LIMIT - len(frame % b"") + 1
    path = put("list.jsonl", frame % (b"x" * room) + frame % (b"x" * (room + 1)) + b'{"p": 1}\n')
    whole, problem, last = read(path)
    assert len(whole.cells["image"]) == room
    assert (problem.code, problem.line) == ("line_too_long", 2)
    assert last == Row(3, {"p": 1})


@pytest.mark.parametrize("name", ["list.json", "list.jsonl", "-"])
def test_a_json_array_is_refused_with_the_way_out(refusal, name):
    problem = refusal(name, b'[\n  {"prompt": "a"}\n]')
    assert (problem.code, problem.line) == ("json_array", 1)
    assert "one object a line" in problem.message


@pytest.mark.parametrize(
    ("name", "content"), [("list.jsonl", b"\n \n"), ("list.txt", b"\xef\xbb\xbf\n")]
)
def test_nothing_but_blank_lines_is_an_empty_file(refusal, name, content):
    assert refusal(name, content).code == "empty_file"


def test_text_is_a_prompt_a_line(rows_of):
    content = 'a cat, "quoted"\r\n\r\n  猫 😀 \r\nlast'.encode()
    assert rows_of("list.txt", content) == [
        Row(1, {"prompt": 'a cat, "quoted"'}),
        Row(3, {"prompt": "猫 😀"}),
        Row(4, {"prompt": "last"}),
    ]


def test_an_endless_line_of_text_is_a_problem(rows_of):
    problem, row = rows_of("list.txt", b"x" * 2_000_000 + b"\na cat")
    assert isinstance(problem, Problem)
    assert (problem.code, problem.line) == ("line_too_long", 1)
    assert row == Row(2, {"prompt": "a cat"})


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(
    objects=st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1, max_size=5),
    ascii_only=st.booleans(),
)
def test_what_json_writes_is_read_back(objects, ascii_only):
    written = "\n".join(json.dumps(value, ensure_ascii=ascii_only) for value in objects)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "list.jsonl")
        path.write_bytes(written.encode())
        found = list(read(path))
    assert found == [Row(line, cells) for line, cells in enumerate(objects, 1)]
