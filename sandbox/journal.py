"""The ledger's file: JSON lines, each written at once, so that a kill loses nothing that was noted."""

from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson


class Journal:
    """Owns a JSONL file; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._file = self._path.open("a+b", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self) -> list[dict[str, Any]]:
        """All records; a last line that a kill cut short is removed from the file."""
        if self._file is None:
            return []
        self._file.seek(0)
        whole, newline, torn = self._file.read().rpartition(b"\n")
        if torn:
            self._file.truncate(len(whole) + len(newline))
        return [orjson.loads(line) for line in whole.splitlines()]

    def append(self, record: object) -> None:
        """Write one record."""
        if self._file is not None:
            self._file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    def clear(self) -> None:
        """Remove all records."""
        if self._file is not None:
            self._file.truncate(0)
