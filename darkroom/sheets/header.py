"""What a table's first row makes of the rows below it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from darkroom.domain.problem import BadInput, Problem, clipped
from darkroom.sheets.row import Row, refused

Record = tuple[int, Sequence[str] | Problem]
"""A line and the cells that begin there, or what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns' names, stripped and unique; `""` where a column has none.

    Columns without a name may stand empty, as spreadsheets like to export them, but hold nothing.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, line: int, cells: Sequence[str]) -> "Header":
        """Read the names.

        Raises:
            BadInput: two columns have the same name.
        """
        names = tuple(cell.strip() for cell in cells)
        first: dict[str, int] = {}
        for place, name in enumerate(names, 1):
            if name and name in first:
                raise refused(
                    "duplicate_column",
                    f"columns {first[name]} and {place} are both named {clipped(name)!r}; rename one",
                    line=line,
                    column=name,
                )
            first[name] = place
        return cls(names)

    def row(self, line: int, cells: Sequence[str]) -> Row | Problem:
        """The cells by name, or why they do not fit.

        A row may stop early only where the columns it leaves out have no name.
        """
        names = self.names
        if len(cells) == len(names) and "" not in names:
            return Row(line, dict(zip(names, cells, strict=True)))
        if len(cells) > len(names):
            return self._too_long(line, cells)
        if any(names[len(cells) :]):
            return self._too_short(line, cells)
        return self._partly_named(line, cells)

    def _partly_named(self, line: int, cells: Sequence[str]) -> Row | Problem:
        for place, (name, cell) in enumerate(zip(self.names, cells, strict=False), 1):
            if not name and cell.strip():
                return Problem(
                    "unnamed_column",
                    f"column {place} has no name in the header; name it or empty it",
                    line=line,
                    column=str(place),
                    value=clipped(cell),
                )
        return Row(
            line, {name: cell for name, cell in zip(self.names, cells, strict=False) if name}
        )

    def _too_long(self, line: int, cells: Sequence[str]) -> Problem:
        return Problem(
            "too_many_cells",
            f"the row has {len(cells)} cells, the header {len(self.names)};"
            " put a cell that holds the delimiter into double quotes",
            line=line,
            value=clipped(cells[len(self.names)]),
        )

    def _too_short(self, line: int, cells: Sequence[str]) -> Problem:
        absent = next(name for name in self.names[len(cells) :] if name)
        return Problem(
            "too_few_cells",
            f"the row has {len(cells)} cells, the header {len(self.names)};"
            f" add the missing ones from {clipped(absent)!r} on, empty if need be",
            line=line,
            column=absent,
        )


def rows(records: Iterable[Record]) -> Iterator[Row | Problem]:
    """The first record that is not blank names the columns of those that follow; blank ones are skipped.

    Raises:
        BadInput: there is no header, no row under it, or two columns have one name.
    """
    header: Header | None = None
    found = False
    for line, record in records:
        if isinstance(record, Problem):
            if header is None:
                raise BadInput([record])
            yield record
        elif not any(map(str.strip, record)):
            continue
        elif header is None:
            header = Header.of(line, record)
            continue
        else:
            yield header.row(line, record)
        found = True
    if header is None:
        raise refused("empty_file", "the file is empty; put a header and at least one row into it")
    if not found:
        raise refused("no_rows", "there are no rows under the header; add at least one")
