"""The two streams of a command: results to stdout, progress and notices to stderr."""

import json
from collections.abc import Container
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from darkroom.domain.legible import harmless

TABLE_WIDTH = 80


class Terminal:
    """Where a command speaks; without a terminal there are no colours and no progress."""

    def __init__(self) -> None:
        self.out = Console(highlight=False, markup=False, emoji=False)
        self.err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    @property
    def live(self) -> bool:
        """Whether somebody watches."""
        return self.err.is_terminal

    def result(self, text: str) -> None:
        """A line of what was asked for."""
        self.out.print(harmless(text), soft_wrap=True)

    def notice(self, text: str) -> None:
        """A line about how it goes."""
        self.err.print(harmless(text), soft_wrap=True)

    def json(self, value: Any) -> None:
        """A JSON document of its own."""
        self.out.print(json.dumps(value, indent=2, ensure_ascii=False), soft_wrap=True)

    def table(self, columns: list[str], rows: list[list[str]], *, folded: Container[str]) -> None:
        """A table that fits 80 columns, as some of them may be folded."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=column not in folded)
        for row in rows:
            table.add_row(*(harmless(cell) for cell in row))
        self.out.print(table, width=min(TABLE_WIDTH, self.out.width))
