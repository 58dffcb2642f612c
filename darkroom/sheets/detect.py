"""Which format an input file has, and what is certainly no prompt list."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePath
from types import MappingProxyType

from darkroom.sheets.decode import encoding_of
from darkroom.sheets.delimiter import delimiter_of, header_names
from darkroom.sheets.row import refused


class Format(StrEnum):
    """The formats that a prompt list may have."""

    CSV = "csv"
    TSV = "tsv"
    XLSX = "xlsx"
    JSONL = "jsonl"
    PARQUET = "parquet"
    TEXT = "text"


HEAD_BYTES = 65_536
"""How much of a file is enough to tell its format."""

SUFFIXES: Mapping[str, Format] = MappingProxyType(
    {
        ".csv": Format.CSV,
        ".tsv": Format.TSV,
        ".tab": Format.TSV,
        ".xlsx": Format.XLSX,
        ".xlsm": Format.XLSX,
        ".jsonl": Format.JSONL,
        ".ndjson": Format.JSONL,
        ".parquet": Format.PARQUET,
        ".pq": Format.PARQUET,
        ".txt": Format.TEXT,
        ".text": Format.TEXT,
    }
)

PROMPT_LIKE = frozenset({"prompt", "prompts", "custom_id", "sku", "title", "description", "text"})
"""Column names that tell a table's header from a line of prose."""

_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"
_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a WebP image or another RIFF file"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (_PARQUET, "a Parquet file (it must be named .parquet)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls) or a workbook with a password"),
)
_WEB_PAGE = re.compile(rb"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\b")
_JSON_ARRAY = re.compile(r"\[\s*[{\]]")
_ACCEPTED = "hand in a CSV, TSV, XLSX, Parquet, JSONL or plain text file"


def detect(filename: str, head: bytes) -> Format:
    """Tell the format by the name's suffix, else by the content.

    A text whose first line is a table's header with tabs is one: Google Merchant names its feeds so.

    Args:
        filename: the name the file was handed in under; `-` and unknown suffixes tell nothing.
        head: its first bytes, `HEAD_BYTES` are enough.

    Raises:
        BadInput: the file is empty, or binary and no workbook.

    >>> detect("night.CSV", b"prompt")
    <Format.CSV: 'csv'>
    >>> detect("-", b'{"prompt": "a cat"}')
    <Format.JSONL: 'jsonl'>
    >>> detect("-", b"prompt;size")
    <Format.CSV: 'csv'>
    >>> detect("-", b"a cat, a mat")
    <Format.TEXT: 'text'>
    """
    named = SUFFIXES.get(PurePath(filename).suffix.lower())
    if named is None:
        binary = {_ZIP: Format.XLSX, _PARQUET: Format.PARQUET}
        named = next((kind for mark, kind in binary.items() if head.startswith(mark)), None)
    require_readable(head, named)
    if named is Format.TEXT:
        return Format.TSV if _by_content(head) is Format.TSV else named
    return named if named is not None else _by_content(head)


def require_readable(head: bytes, named: Format | None) -> None:
    """Refuse what cannot be a prompt list of this format, whatever its name says.

    Raises:
        BadInput: it is empty, has a known binary signature or holds NUL bytes.
    """
    if not head:
        raise refused("empty_file", "the file is empty; put at least one prompt into it")
    if head.startswith(_ZIP) and named is Format.XLSX:
        return
    if head.startswith(_PARQUET) and named is Format.PARQUET:
        return
    if (kind := _binary_kind(head)) is not None:
        raise refused("not_a_prompt_list", f"not a prompt list: looks like {kind}; {_ACCEPTED}")
    if named in (Format.XLSX, Format.PARQUET):
        kind = "an Excel workbook" if named is Format.XLSX else "a Parquet file"
        message = (
            f"the file is named as {kind} but is none; save it again, or name it for what it is"
        )
        raise refused(f"not_{'a_workbook' if named is Format.XLSX else 'parquet'}", message)


def _binary_kind(head: bytes) -> str | None:
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(_ZIP):
        return "a ZIP archive (an Excel workbook must be named .xlsx)"
    if _WEB_PAGE.match(head):
        return "a web page"
    if _XML.match(head):
        return "an XML document (feeds can be had as text with tabs, too)"
    if encoding_of(head).name == "utf-8" and b"\0" in head:
        return "binary data (text as UTF-16 needs a byte order mark)"
    return None


def _by_content(head: bytes) -> Format:
    encoding = encoding_of(head)
    text = head[encoding.mark :].decode(encoding.name, errors="ignore").lstrip()
    if text.startswith("{") or _JSON_ARRAY.match(text):
        return Format.JSONL
    delimiter = delimiter_of(text)
    if PROMPT_LIKE.isdisjoint(name.casefold() for name in header_names(text, delimiter)):
        return Format.TEXT
    return Format.TSV if delimiter == "\t" else Format.CSV
