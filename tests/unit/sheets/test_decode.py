import pytest

from darkroom.sheets.decode import lines


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        ("prompt\ncafé au lait\n".encode("latin-1"), 2, (10, "0xE9")),
        (b"\xef\xbb\xbfprompt\n\xff\n", 2, (10, "0xFF")),
        (b"prompt\n" + b"a cat\n" * 50_000 + b"caf\xe9\n", 50_002, (300_010, "0xE9")),
        (b"prompt\ncut \xe7\x8c", 2, (11, "0xE7")),
        (b"p\n" + b"a" * 65_533 + b"\xe7\x8c" + b"x", 2, (65_535, "0xE7")),
    ],
)
@pytest.mark.parametrize("name", ["list.csv", "list.txt", "list.jsonl"])
def test_a_byte_that_is_not_utf8_is_named_with_its_place(refusal, name, content, line, found):
    problem = refusal(
        name, content.replace(b"prompt", b"{}    ") if name == "list.jsonl" else content
    )
    assert (problem.code, problem.line, problem.value) == ("not_utf8", line, found[1])
    assert f"byte {found[0]} of the file is {found[1]}" in problem.message
    assert "save the file as UTF-8" in problem.message


def test_latin_1_is_guessed_aloud(refusal):
    assert "('é' if it is Latin-1)" in refusal("list.txt", b"caf\xe9").message


def test_half_a_character_of_utf_16_is_named(refusal):
    problem = refusal("list.txt", b"\xff\xfe" + "ab\nc".encode("utf-16-le") + b"\x3d\xd8")
    assert (problem.code, problem.line) == ("not_utf8", 2)
    assert "byte 10 of the file" in problem.message


def test_a_line_beyond_the_limit_is_cut_and_the_next_one_whole(put):
    path = put("list.txt", b"abcd\r\n" + b"x" * 100 + b"\r\nefgh")
    first, long, last = lines(path, 4)
    assert (first, len(long) > 4, last) == ("abcd\r\n", True, "efgh")
