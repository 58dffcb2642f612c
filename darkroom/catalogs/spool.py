"""A plan written down as the file that is handed in, or why it cannot be."""

from array import array
from collections.abc import Iterable, Sequence
from typing import IO

from darkroom.catalogs.plan import Planned
from darkroom.domain.problem import BadInput, Problem


def spool(found: Iterable[Planned | Problem], file: IO[bytes]) -> Sequence[int]:
    """Writes every item as a line; the line of the table behind each.

    Raises:
        BadInput: something is wrong with the table, or nothing is left of it.
    """
    lines = array("Q")
    problems: list[Problem] = []
    for one in found:
        if isinstance(one, Planned):
            file.write(one.json())
            lines.append(one.line)
        else:
            problems.append(one)
    file.flush()
    if problems:
        raise BadInput(problems)
    if not lines:
        message = "no image is asked for: every row is skipped; take a rule out of `skip`"
        raise BadInput([Problem("no_rows", message)])
    return lines
