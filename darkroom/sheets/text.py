"""Plain text: a prompt a line."""

from collections.abc import Iterator
from pathlib import Path

from darkroom.domain.problem import Problem, clipped
from darkroom.sheets.decode import lines, overlong
from darkroom.sheets.row import Row, refused

LINE_LIMIT = 1_048_576
"""Characters in one line."""


def read_text(path: Path) -> Iterator[Row | Problem]:
    """Each line as a `prompt`, without the white space around it; blank lines are skipped.

    Raises:
        BadInput: the file holds no line, or is not text.
    """
    found = False
    for number, line in enumerate(lines(path, LINE_LIMIT), 1):
        if line.isspace():
            continue
        found = True
        if overlong(line, LINE_LIMIT):
            yield Problem(
                "line_too_long",
                f"the line is longer than {LINE_LIMIT:,} characters; write one prompt a line",
                line=number,
                value=clipped(line[:1000]),
            )
        else:
            yield Row(number, {"prompt": line.strip()})
    if not found:
        raise refused("empty_file", "the file is empty; put at least one prompt into it")
