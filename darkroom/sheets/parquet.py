"""Parquet: a table in columns, read some rows at a time; its reader is large, and so an extra."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from darkroom.domain.problem import BadInput, Problem
from darkroom.domain.reference import SEPARATOR
from darkroom.sheets.header import Record, rows
from darkroom.sheets.row import Row, refused
from darkroom.sheets.workbook import shown

try:
    io: Any = import_module("arro3.io")
except ImportError:
    io = None

MAGIC = b"PAR1"
ROWS_AT_ONCE = 1024
BLOCK_LIMIT = 256 * 1_048_576
"""Bytes of so many rows, unpacked; a row of a product table has a few thousand."""


_FOOTER = 8


def read_parquet(path: Path) -> Iterator[Row | Problem]:
    """The rows of a Parquet file; `line` counts them as if a header stood above, lists are parted by bars.

    Raises:
        BadInput: damaged, without a row, or its reader is not installed.
    """
    if io is None:
        fix = "install it: pip install 'darkroom[parquet]'; or save the table as CSV"
        raise refused("parquet_not_installed", f"the reader of Parquet files is an extra; {fix}")
    _require_footer(path)
    return rows(_records(path))


def _require_footer(path: Path) -> None:
    """A file that was cut short is told before its reader meets it.

    https://parquet.apache.org/docs/file-format/
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - _FOOTER, 0))
        length, mark = int.from_bytes(file.read(4), "little"), file.read(4)
    if mark != MAGIC or length + _FOOTER + len(MAGIC) > size:
        raise _damaged("its end is missing")


def _damaged(why: object) -> BadInput:
    return refused("damaged_parquet", f"the Parquet file cannot be read ({why}); write it again")


def _records(path: Path) -> Iterator[Record]:
    line = 1
    try:
        blocks = io.read_parquet(path, batch_size=ROWS_AT_ONCE)
        yield line, list(blocks.schema.names)
        for block in blocks:
            _require_modest(block.nbytes, line + 1)
            for cells in zip(*(column.to_pylist() for column in block.columns), strict=True):
                line += 1
                yield line, [_shown(cell) for cell in cells]
    except (BadInput, GeneratorExit, KeyboardInterrupt, SystemExit):
        raise
    except (
        BaseException
    ) as error:  # its reader panics where a file is damaged, and a panic is no Exception
        raise _damaged(str(error).partition(" value: ")[2] or error) from error


def _require_modest(size: int, line: int) -> None:
    if size > BLOCK_LIMIT:
        large = f"{ROWS_AT_ONCE:,} rows hold more than {BLOCK_LIMIT:,} bytes"
        raise refused("row_too_long", f"{large}; shorten their cells", line=line)


def _shown(cell: Any) -> str:
    """A cell as a person reads it.

    >>> _shown(None), _shown(["a.png", "b.png"]), _shown({"a": 1}), _shown(12.0)
    ('', 'a.png|b.png', '{"a": 1}', '12')
    """
    match cell:
        case None:
            return ""
        case list():
            return SEPARATOR.join(map(_shown, cell))
        case dict():
            return json.dumps(cell, ensure_ascii=False, default=str)
        case bytes():
            return cell.decode("utf-8", "replace")
        case _ if hasattr(cell, "as_tuple"):
            return f"{cell:f}"
        case _:
            return shown(cell)
