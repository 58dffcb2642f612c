import pytest

from darkroom.domain.problem import BadInput
from darkroom.sheets import Format, detect


@pytest.mark.parametrize(
    ("filename", "head", "expected"),
    [
        ("list.csv", b"anything", Format.CSV),
        ("LIST.CSV", b"anything", Format.CSV),
        ("list.tsv", b"anything", Format.TSV),
        ("list.xlsx", b"PK\x03\x04", Format.XLSX),
        ("list.ndjson", b"{}", Format.JSONL),
        ("list.txt", b"prompt,size", Format.TEXT),
        ("feed.txt", b"id\ttitle\timage_link\n1\tMug\thttps://a", Format.TSV),
        ("list.txt", b"a cat\twith a hat\na dog", Format.TEXT),
        ("-", b"PK\x03\x04rest", Format.XLSX),
        ("-", b'\xef\xbb\xbf\n  {"prompt": "a"}', Format.JSONL),
        ("list.json", b'{"prompt": "a"}', Format.JSONL),
        ("-", b'[\n  {"prompt": "a"}]', Format.JSONL),
        ("-", b"[photo] a cat", Format.TEXT),
        ("-", b"Prompt,Size\na cat,1024x1024", Format.CSV),
        ("-", b"custom_id|prompt\n1|a cat", Format.CSV),
        ("-", b"Prompt\tCategory\nbond\tAbstract", Format.TSV),
        ("-", b"prompt\na cat", Format.CSV),
        ("-", "prompt,size\na,b".encode("utf-16"), Format.CSV),
        ("-", b"a cat, a mat and a hat\na dog", Format.TEXT),
        ("prompts", "猫".encode() + b"\xe7\x8c", Format.TEXT),
    ],
)
def test_the_suffix_tells_else_the_content(filename, head, expected):
    assert detect(filename, head) is expected


@pytest.mark.parametrize(
    ("filename", "head", "said"),
    [
        ("list.csv", b"", "the file is empty"),
        ("list.csv", b"\x89PNG\r\n\x1a\n", "not a prompt list: looks like a PNG image"),
        ("-", b"%PDF-1.7", "not a prompt list: looks like a PDF document"),
        ("feed.xml", b'<?xml version="1.0"?><rss>', "looks like an XML document"),
        ("list.txt", b"\xff\xd8\xff\xe0", "looks like a JPEG image"),
        ("list.csv", b"PK\x03\x04", "an Excel workbook must be named .xlsx"),
        ("list.xlsx", b"\xd0\xcf\x11\xe0", "a workbook with a password"),
        ("list.xlsx", b"prompt,size\n", "named as an Excel workbook but is none"),
        ("list.csv", b"PAR1\x15", "it must be named .parquet"),
        ("list.parquet", b"prompt,size\n", "named as a Parquet file but is none"),
        ("list.csv", b"<!DOCTYPE html><html>", "a web page"),
        ("list.csv", b"p\x00r\x00o\x00", "binary data (text as UTF-16 needs a byte order mark)"),
        ("list.csv", "prompt".encode("utf-32"), "save it as UTF-8"),
    ],
)
def test_what_is_no_prompt_list_is_named(filename, head, said):
    with pytest.raises(BadInput, match=r".") as caught:
        detect(filename, head)
    assert said in str(caught.value)
