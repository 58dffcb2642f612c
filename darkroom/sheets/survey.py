"""Measures a workbook's sheets as they stream by, since the reader holds all that a sheet spans.

A stray cell in the last corner spans 17 billion cells, and a text stands in the archive once however
many cells show it: both are bombs that the archive's own sizes do not tell.
"""

import re
import zipfile
from array import array
from collections.abc import Iterator

from darkroom.sheets.row import refused

AREA_LIMIT = 10_000_000
"""Cells in the rectangle that a sheet spans, filled or not."""

TEXT_LIMIT = 512 * 1_048_576
"""Bytes of all shared texts, each counted in every cell of a sheet that shows it."""

_SHARED_TEXTS = "xl/sharedstrings.xml"
_TEXT = re.compile(rb"<(/?)(?:\w+:)?si\b[^<>]*?(/?)>")
_CELL = re.compile(rb"<(?:\w+:)?(?:c\b([^<>]*)>|v\b[^<>]*>\s*(\d{1,9}))")
_PLACE = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{1,3})(\d{1,7})[\"']")
_IS_SHARED = re.compile(rb"\bt\s*=\s*[\"']s[\"']")
_CHUNK = 1_048_576


def require_modest(archive: zipfile.ZipFile) -> None:
    """Let a workbook pass whose sheets fit into memory.

    Raises:
        BadInput: a sheet spans too many cells, or shows too much text.
    """
    texts = array("Q")
    for part in archive.infolist():
        if part.filename.lower() == _SHARED_TEXTS:
            texts.extend(_lengths(_pieces(archive, part)))
    for part in archive.infolist():
        _require_modest_sheet(_pieces(archive, part), texts)


def _require_modest_sheet(pieces: Iterator[bytes], texts: "array[int]") -> None:
    width = height = length = 0
    shared = False
    for piece in pieces:
        for attributes, index in _CELL.findall(piece):
            if index:
                length += texts[int(index)] if shared and int(index) < len(texts) else 0
                continue
            shared = _IS_SHARED.search(attributes) is not None
            if (place := _PLACE.search(attributes)) is not None:
                width = max(width, column_number(place[1]))
                height = max(height, int(place[2]))
    if width * height > AREA_LIMIT:
        raise refused(
            "sheet_too_large",
            f"a sheet spans {height:,} rows × {width:,} columns, more than {AREA_LIMIT:,} cells;"
            " clear the stray cells far from the table, or save it as CSV",
        )
    if length > TEXT_LIMIT:
        raise refused(
            "sheet_too_large",
            f"a sheet shows {length:,} bytes of text, more than {TEXT_LIMIT:,}; save it as CSV",
        )


def _lengths(pieces: Iterator[bytes]) -> Iterator[int]:
    """The length of each shared text in its order, markup included."""
    before = begin = 0
    for piece in pieces:
        for tag in _TEXT.finditer(piece):
            closing, empty = tag.groups()
            if closing or empty:
                yield before + tag.start() - begin if closing else 0
            else:
                begin = before + tag.end()
        before += len(piece)


def _pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part in pieces that never cut a tag, nor part it from the text behind it."""
    kept = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            cut = chunk.rfind(b"<")
            if cut < 0 and len(kept) < _CHUNK:
                kept += chunk
                continue
            yield kept + chunk[: max(cut, 0)]
            kept = chunk[max(cut, 0) :]
    yield kept


def column_number(letters: bytes) -> int:
    """A column's number from its letters.

    >>> column_number(b"A"), column_number(b"AA"), column_number(b"xfd")
    (1, 27, 16384)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
