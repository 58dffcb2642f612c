"""CSV and TSV as RFC 4180 has them: quoted cells may hold delimiters, quotes and line breaks."""

import csv
from collections.abc import Iterator
from pathlib import Path

from darkroom.domain.problem import Problem, clipped
from darkroom.sheets.decode import encoding_of, lines
from darkroom.sheets.delimiter import announced, delimiter_of
from darkroom.sheets.header import Record, rows
from darkroom.sheets.row import Row, refused

CELL_LIMIT = 1_048_576
"""Characters in one cell."""

RECORD_LIMIT = 8 * CELL_LIMIT
"""Characters in one row, so that an unclosed quote cannot swallow a file into memory."""

_HEAD = 65_536


def read_csv(path: Path) -> Iterator[Row | Problem]:
    """The rows of a table parted by commas, semicolons, tabs or bars, whichever its header uses.

    Raises:
        BadInput: the file as a whole cannot be read.
    """
    head = _head(path)
    named = announced(head)
    delimiter = named or delimiter_of(head.lstrip())
    return rows(_records(_Tape(path, skip_first=named is not None), delimiter))


def read_tsv(path: Path) -> Iterator[Row | Problem]:
    """The rows of a table parted by tabs.

    Raises:
        BadInput: the file as a whole cannot be read.
    """
    return rows(_records(_Tape(path, skip_first=False), "\t"))


def _head(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    encoding = encoding_of(head)
    return head[encoding.mark :].decode(encoding.name, errors="ignore")


class _Tape:
    """The file's lines, remembering those of the record now being read."""

    def __init__(self, path: Path, *, skip_first: bool) -> None:
        self._lines = lines(path, RECORD_LIMIT)
        self.line = 0
        self.record: list[str] = []
        self._length = 0
        if skip_first:
            next(self)

    def __iter__(self) -> "_Tape":
        return self

    def __next__(self) -> str:
        text = next(self._lines)
        self.line += 1
        self.record.append(text)
        self._length += len(text)
        if self._length > RECORD_LIMIT:
            raise refused(
                "row_too_long",
                f"the row is longer than {RECORD_LIMIT:,} characters; close its quotes or shorten it",
                line=self.line - len(self.record) + 1,
            )
        return text

    def next_record(self) -> int:
        """Forget the record that was read, and name the line where the next one begins."""
        self.record.clear()
        self._length = 0
        return self.line + 1


def _records(tape: _Tape, delimiter: str) -> Iterator[Record]:
    # The limit belongs to the whole process: raised where needed and never lowered, so that no
    # other reader, here or elsewhere, loses what it was given.
    csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT))
    reader = csv.reader(tape, delimiter=delimiter, strict=True)
    while True:
        line = tape.next_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _malformed(error, tape, line, delimiter)
        else:
            yield line, cells


def _malformed(error: csv.Error, tape: _Tape, line: int, delimiter: str) -> Problem:
    """What the parser's complaint means; csv.Error carries words only, so its words are matched.

    Raises:
        BadInput: a cell beyond the limit, behind which no row's beginning is known.
    """
    opened, cell = _last_quote(tape.record, delimiter)
    where = line + opened
    match str(error).split():
        case ["unexpected", "end", *_]:
            return Problem(
                "unclosed_quote",
                "a quote opens here and never closes, so the rest of the file is one cell;"
                ' close it, or double it ("") if it belongs to the text',
                line=where,
                value=clipped(cell),
            )
        case ["field", "larger", *_]:
            raise refused(
                "cell_too_long",
                f"the cell that begins here is longer than {CELL_LIMIT:,} characters;"
                " close its quote or shorten it",
                line=where,
                value=cell,
            )
        case _:
            return Problem(
                "stray_quote",
                'a quoted cell goes on behind its closing quote; double the quotes inside it ("")',
                line=line,
                value=clipped(cell),
            )


def _last_quote(record: list[str], delimiter: str) -> tuple[int, str]:
    """How many lines into the record its last quoted cell opens, and that cell's first line."""
    place = (0, record[0] if record else "")
    quoted, before = False, delimiter
    for number, text in enumerate(record):
        for index, character in enumerate(text):
            if character == '"':
                if not quoted and before == delimiter:
                    place = (number, text[index:])
                quoted = not quoted and before in (delimiter, '"')
            before = character
    return place
