import csv
import io
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from darkroom.domain.problem import BadInput, Problem
from darkroom.sheets import Format, Row, read
from darkroom.sheets.delimited import CELL_LIMIT, RECORD_LIMIT


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"prompt,size\na cat,1024x1024\n", [(2, {"prompt": "a cat", "size": "1024x1024"})]),
        (b"prompt,size\r\na cat,small\r\n", [(2, {"prompt": "a cat", "size": "small"})]),
        (b"prompt\ra cat\ra dog", [(2, {"prompt": "a cat"}), (3, {"prompt": "a dog"})]),
        (b"\xef\xbb\xbfprompt\na cat", [(2, {"prompt": "a cat"})]),
        ("prompt\n猫 😀".encode("utf-16"), [(2, {"prompt": "猫 😀"})]),
        ("\ufeffprompt\n猫 😀".encode("utf-16-be"), [(2, {"prompt": "猫 😀"})]),
        (b"prompt;size\na, b;c", [(2, {"prompt": "a, b", "size": "c"})]),
        (b"prompt|size\na|b", [(2, {"prompt": "a", "size": "b"})]),
        (b"prompt\tsize\na, b\tc", [(2, {"prompt": "a, b", "size": "c"})]),
        (b'"size, cm; depth, m; x";prompt\n1;a', [(2, {"size, cm; depth, m; x": "1", "prompt": "a"})]),
        (b"sep=|\nprompt|a,b,c\nx|y", [(3, {"prompt": "x", "a,b,c": "y"})]),
        (b" Prompt , prompt \na,b", [(2, {"Prompt": "a", "prompt": "b"})]),
        (b'prompt,n\n"a ""big"" cat,\r\nsitting",1\nz,2', [
            (2, {"prompt": 'a "big" cat,\r\nsitting', "n": "1"}), (4, {"prompt": "z", "n": "2"})]),
        (b"\n\nprompt,n\n\n  \na,1\n,\n\nb,2", [(6, {"prompt": "a", "n": "1"}), (9, {"prompt": "b", "n": "2"})]),
        (b'prompt,n\na 5" disc,1', [(2, {"prompt": 'a 5" disc', "n": "1"})]),
        (b"prompt,n,,\na,1\nb,2,,", [(2, {"prompt": "a", "n": "1"}), (3, {"prompt": "b", "n": "2"})]),
        (b"a,,b\n1,,2", [(2, {"a": "1", "b": "2"})]),
    ],
)  # fmt: skip
def test_rows_come_with_the_line_where_they_begin(rows_of, content, expected):
    assert rows_of("list.csv", content) == [Row(line, cells) for line, cells in expected]


def test_a_tsv_is_parted_by_tabs_alone(rows_of):
    assert rows_of("list.tsv", b"prompt,x,y,z\tsize\na,b\tc") == [
        Row(2, {"prompt,x,y,z": "a,b", "size": "c"})
    ]


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"prompt,n\na,b,c\n%s", "too_many_cells", (2, None, "c")),
        (b"prompt,n\na\n%s", "too_few_cells", (2, "n", None)),
        (b"prompt,\na,b\n%s", "unnamed_column", (2, "2", "b")),
        (b'prompt,n\n"a" cat,1\n%s', "stray_quote", (2, None, '"a" cat,1')),
    ],
)
def test_a_bad_row_is_a_problem_and_the_next_one_follows(rows_of, content, code, place):
    good = b"good,1" if b"prompt,n" in content else b"good,"
    problem, row = rows_of("list.csv", content % good)
    assert (problem.code, (problem.line, problem.column, problem.value)) == (code, place)
    assert (row.line, row.cells["prompt"]) == (3, "good")


def test_one_bad_row_among_ten_thousand(rows_of):
    lines = [f"cat {number},1" for number in range(10_000)]
    lines[4_321] += ",surplus"
    found = rows_of("list.csv", "\n".join(["prompt,n", *lines]).encode())
    assert len(found) == 10_000
    assert [row.line for row in found if isinstance(row, Problem)] == [4_323]


@pytest.mark.parametrize(
    ("content", "line", "value"),
    [
        (b'prompt,n\na,1\n"open,2\nb,3\n', 3, '"open,2'),
        (b'prompt,n\na,1\n"two\nlines","x\ny,3\n', 4, '"x'),
        (b'prompt,n\na,1\n"two\n""lines""","open\n\nb', 4, '"open'),
    ],
)
def test_an_unclosed_quote_names_the_line_where_it_opens(rows_of, content, line, value):
    row, problem = rows_of("list.csv", content)
    assert row == Row(2, {"prompt": "a", "n": "1"})
    assert (problem.code, problem.line, problem.value) == ("unclosed_quote", line, value)


@pytest.mark.parametrize(
    ("content", "code", "line", "said"),
    [
        (b"", "empty_file", None, "the file is empty"),
        (b"\xef\xbb\xbf", "empty_file", None, "the file is empty"),
        (b"\n , \n", "empty_file", None, "the file is empty"),
        (b"prompt,size\n\n", "no_rows", None, "there are no rows under the header"),
        (
            b"prompt,a,prompt\nx,y,z",
            "duplicate_column",
            1,
            "columns 1 and 3 are both named 'prompt'",
        ),
        (b'prompt,"a\n1,2', "unclosed_quote", 1, "never closes"),
        (b"prompt\na\nb\x00c", "not_a_prompt_list", None, "binary data"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(refusal, content, code, line, said):
    problem = refusal("list.csv", content)
    assert (problem.code, problem.line) == (code, line)
    assert said in problem.message


def test_a_nul_far_into_the_file_is_refused_with_its_line(refusal):
    content = b"prompt\n" + b"a cat\n" * 20_000 + b"b\x00d\n"
    assert (refusal("list.csv", content).code, refusal("list.csv", content).line) == (
        "nul_byte",
        20_002,
    )


def test_a_cell_may_be_a_megabyte_long_and_no_longer(rows_of, refusal):
    cell = b"x" * CELL_LIMIT
    [row] = rows_of("list.csv", b'prompt,n\n"' + cell + b'",1\n')
    assert len(row.cells["prompt"]) == CELL_LIMIT
    problem = refusal("list.csv", b'prompt,n\na,1\n1,"' + cell + b'x",1\n')
    assert (problem.code, problem.line) == ("cell_too_long", 3)


def test_an_unclosed_quote_does_not_swallow_a_large_file_into_memory(refusal):
    problem = refusal("list.csv", b'prompt,n\na,"1\n' + b"some words,1\n" * 100_000)
    assert (problem.code, problem.line) == ("cell_too_long", 2)


def test_a_line_without_end_is_refused(refusal):
    problem = refusal("list.csv", b"prompt,n\n" + b"a," * RECORD_LIMIT)
    assert (problem.code, problem.line) == ("row_too_long", 2)


def test_the_field_limit_of_the_process_is_never_lowered(rows_of):
    before = csv.field_size_limit(50_000_000)
    try:
        rows_of("list.csv", b"prompt\na")
        assert csv.field_size_limit() == 50_000_000
    finally:
        csv.field_size_limit(before)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)


@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    # Below Python 3.13 the writer leaves a lone CR unquoted where lines end in LF.
    ending=st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_csv_writer_writes_is_read_back(table, delimiter, ending, encoding):
    # A header of one column does not show the delimiter: then it is taken to be a comma.
    assume(len(table[0]) > 1 or delimiter == ",")
    header = [f"column {number}" for number in range(len(table[0]))]
    written = io.StringIO(newline="")
    terminator, quoting = ending
    writer = csv.writer(written, delimiter=delimiter, lineterminator=terminator, quoting=quoting)
    writer.writerows([header, ["first"] * len(header), *table])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "list.csv")
        path.write_bytes(written.getvalue().encode(encoding))
        found = list(read(path, format=Format.CSV))
    kept = [cells for cells in table if any(cell.strip() for cell in cells)]
    assert [list(row.cells.values()) for row in found] == [["first"] * len(header), *kept]


def test_sixty_thousand_rows_pass_in_flat_memory(put):
    line = b'"a cat, sitting on mat number",1024x1024,' + b"x" * 60 + b"\n"
    path = put("list.csv", b"prompt,size,note\n" + line * 60_000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 60_000
    assert peak < 1_000_000, "of 6 MB"


def test_a_reader_that_is_left_early_closes_its_file(put):
    rows = read(put("list.csv", b"prompt\n" + b"a\n" * 10))
    assert next(rows) == Row(2, {"prompt": "a"})
    rows.close()


def test_a_missing_file_is_the_systems_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.csv")


def test_the_name_it_was_handed_in_under_decides(put):
    path = put("upload-1", b"a, b\nc, d")
    assert [row.cells for row in read(path, filename="list.csv")] == [{"a": "c", "b": " d"}]
    with pytest.raises(BadInput):
        read(path, format=Format.XLSX)
