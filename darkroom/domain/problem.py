"""What is wrong with an input: where, what, and the fix."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

UNREADABLE = "file_unreadable"
"""Of an input over which reader after reader was lost: no fault of who sent it."""

VALUE_SHOWN = 60
VALUE_KEPT = 200
"""Characters; a value may be a whole prompt, and its head is enough to find it."""


def clipped(value: object, limit: int = VALUE_SHOWN) -> str:
    """A value short enough for a message, on one line.

    >>> clipped(" a   b ")
    'a b'
    >>> clipped("x" * 100, limit=5)
    'xxxx…'
    """
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place of an input, with the fix in its message.

    `line` counts from 1 as an editor does (in a sheet: its row number); `column` is a column's or a
    parameter's name, `custom_id` the row's. `code` is stable and made for programs, `message` is for people.
    """

    code: str
    message: str
    line: int | None = None
    column: str | None = None
    value: str | None = None
    custom_id: str | None = None

    def at(self, line: int, custom_id: str | None = None) -> "Problem":
        """The same problem, known to stand in this line and, if that has a name, in this row.

        Of its value no more is kept than finds it.

        >>> len(Problem("prompt_too_long", "shorten it", value="x" * 1_000).at(3).value)
        200
        """
        value = self.value and self.value[:VALUE_KEPT]
        return replace(self, line=line, value=value, custom_id=custom_id)

    def __str__(self) -> str:
        """One line for a terminal or a log.

        >>> str(Problem("missing_column", "add it", line=3, column="prompt", value=""))
        "line 3, column prompt, value '': add it"
        """
        where = [f"line {self.line}"] if self.line is not None else []
        where += [f"column {self.column}"] if self.column is not None else []
        where += [f"value {clipped(self.value)!r}"] if self.value is not None else []
        return f"{', '.join(where)}: {self.message}" if where else self.message


class BadInput(Exception):  # noqa: N818 - named for what it is, as the domain speaks
    """The input as a whole cannot be used; `problems` names every reason found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems[:3]))
        self.problems = tuple(problems)
