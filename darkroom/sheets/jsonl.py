"""JSON lines: one object a line, each line judged for itself."""

import math
from collections.abc import Iterator
from pathlib import Path

import jiter

from darkroom.domain.problem import Problem, clipped
from darkroom.sheets.decode import lines, overlong
from darkroom.sheets.row import Row, refused

LINE_LIMIT = 32 * 1_048_576
"""Characters in one line; reference images come in it as data URLs."""


def read_jsonl(path: Path) -> Iterator[Row | Problem]:
    """The objects of a JSONL file; blank lines are skipped.

    Raises:
        BadInput: the file holds no line, is one JSON array, or is not text.
    """
    found = False
    for number, text in enumerate(lines(path, LINE_LIMIT), 1):
        if text.isspace():
            continue
        if not found and text.lstrip().startswith("["):
            raise refused(
                "json_array",
                "the file is a JSON array; write one object a line (jq -c '.[]' list.json > list.jsonl)",
                line=number,
            )
        found = True
        yield _parsed(number, text)
    if not found:
        raise refused("empty_file", "the file is empty; put at least one JSON object into it")


def _parsed(line: int, text: str) -> Row | Problem:
    if overlong(text, LINE_LIMIT):
        return Problem(
            "line_too_long",
            f"the line is longer than {LINE_LIMIT:,} characters; send its images as files",
            line=line,
            value=clipped(text[:1000]),
        )
    try:
        value = jiter.from_json(
            text.rstrip().encode(),
            allow_inf_nan=False,
            catch_duplicate_keys=True,
            cache_mode="keys",
        )
    except ValueError as error:
        return _not_json(line, text, error)
    if not isinstance(value, dict):
        return Problem(
            "not_an_object",
            'the line is JSON but no object; write {"prompt": "…"}',
            line=line,
            value=clipped(text[:1000]),
        )
    return _infinite(line, value) or Row(line, value)


def _not_json(line: int, text: str, error: ValueError) -> Problem:
    said = str(error).replace(" at line 1 column ", " at byte ")
    return Problem(
        "invalid_json",
        f"not a JSON object: {said}; write one complete object a line",
        line=line,
        value=clipped(text[:1000]),
    )


def _infinite(line: int, cells: dict[str, object]) -> Problem | None:
    """A number such as 1e999 is JSON, but no number that could be kept or sent on."""
    for column, cell in cells.items():
        left = [] if isinstance(cell, str) else [cell]
        while left:
            match left.pop():
                case float() as number if math.isinf(number):
                    return Problem(
                        "number_too_large",
                        "the number is too large; write a smaller one or put it into quotes",
                        line=line,
                        column=column,
                    )
                case dict() as members:
                    left.extend(members.values())
                case list() as items:
                    left.extend(items)
                case _:
                    pass
    return None
