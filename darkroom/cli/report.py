"""What a verdict looks like in a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from darkroom.cli.ending import CliError
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import money, plural, spread
from darkroom.domain.problem import Problem
from darkroom.sheets.lint import Verdict

SHOWN = 50


def placed(name: str, problem: Problem) -> str:
    """A problem as editors and people find it.

    >>> placed("prompts.csv", Problem("x", "write one", line=17, column="prompt", value=""))
    "prompts.csv:17: column prompt, value '': write one"
    >>> placed("prompts.csv", Problem("x", "divisible by 16", column="--size", value="1x1"))
    "--size '1x1': divisible by 16"
    """
    if problem.column and problem.column.startswith("--"):
        value = "" if problem.value is None else f" {problem.value!r}"
        return f"{problem.column}{value}: {problem.message}"
    where = name if problem.line is None else f"{name}:{problem.line}"
    return f"{where}: {replace(problem, line=None)}"


def listed(name: str, problems: Sequence[Problem], more: int = 0) -> Iterator[str]:
    """A line for each problem, fifty at most, and how many there are besides."""
    yield from (placed(name, problem) for problem in islice(problems, SHOWN))
    hidden = max(0, len(problems) - SHOWN) + more
    if hidden:
        yield f"and {hidden:,} more"


def doubts(name: str, verdict: Verdict) -> Iterator[str]:
    """A line for each thing that can be done today and is hardly meant.

    >>> verdict = Verdict(rows=3)
    >>> verdict.gap("colour", 3)
    >>> list(doubts("p.csv", verdict))
    ['warning: p.csv: column colour, which the template uses, is empty in 1 row: line 3']
    """
    for notice, lines in verdict.notices.items():
        yield f"warning: {name}: {notice} ({lines})"
    for column, lines in verdict.gaps.items():
        yield f"warning: {name}: column {column}, which the template uses, is empty in {lines}"


def announce(terminal: Terminal, name: str, verdict: Verdict, *, skip_bad_rows: bool) -> None:
    """Say what is wrong and what it will cost.

    Raises:
        CliError: the file is refused.
    """
    _say_all(terminal, listed(name, verdict.problems, verdict.more_problems))
    _say_all(terminal, doubts(name, verdict))
    if verdict.refused:
        raise CliError(f"{name} cannot be used; nothing was sent and nothing spent")
    if not verdict.good_rows:
        raise CliError(f"{name} has no row that can be used; nothing was sent and nothing spent")
    if not verdict.usable and not skip_bad_rows:
        bad = f"{verdict.bad_rows:,} of {plural(verdict.rows, 'row')}"
        fix = "correct them, or leave them out with --skip-bad-rows"
        raise CliError(f"{bad} in {name} cannot be used; nothing was spent: {fix}")
    skipped = f", {verdict.bad_rows:,} skipped" if verdict.bad_rows else ""
    price = f"{spread(verdict.price.low, verdict.price.high)}, at most {money(verdict.price.bound)}"
    rows, images = plural(verdict.good_rows, "row"), plural(verdict.price.images, "image")
    terminal.notice(f"{name}: {rows}{skipped}, {images}, {price}")


def _say_all(terminal: Terminal, lines: Iterable[str]) -> None:
    for line in lines:
        terminal.notice(line)
