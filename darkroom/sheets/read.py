"""Opens an input file of any known format as a stream of rows."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from darkroom.domain.problem import Problem
from darkroom.sheets.delimited import read_csv, read_tsv
from darkroom.sheets.detect import HEAD_BYTES, Format, detect, require_readable
from darkroom.sheets.jsonl import read_jsonl
from darkroom.sheets.parquet import read_parquet
from darkroom.sheets.row import Row
from darkroom.sheets.text import read_text
from darkroom.sheets.workbook import read_workbook

Reader = Callable[[Path], Iterator[Row | Problem]]

READERS: Mapping[Format, Reader] = MappingProxyType(
    {
        Format.CSV: read_csv,
        Format.TSV: read_tsv,
        Format.XLSX: read_workbook,
        Format.JSONL: read_jsonl,
        Format.PARQUET: read_parquet,
        Format.TEXT: read_text,
    }
)


def format_of(path: Path, filename: str) -> Format:
    """The format of a file that was handed in under this name.

    Raises:
        BadInput: it is empty, or cannot be a prompt list.
        OSError: it cannot be opened or read.
    """
    return detect(filename, _head(path))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def read(
    path: Path,
    *,
    filename: str | None = None,
    format: Format | None = None,  # noqa: A002 - the word a caller looks for
) -> Iterator[Row | Problem]:
    """Stream the rows in the file's order; a bad one comes as its Problem and the next follows.

    Args:
        path: where the bytes are.
        filename: the name they were handed in under, if it is not the path's.
        format: the format, if the caller knows it.

    Raises:
        BadInput: the whole file cannot be used; at once where its head shows it, else while iterating.
        OSError: the file cannot be opened or read.
    """
    if format is None:
        return READERS[format_of(path, filename or path.name)](path)
    require_readable(_head(path), format)
    return READERS[format](path)
