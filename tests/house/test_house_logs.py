"""Every line of the log has an action, and every action is explained."""

import ast
import re
from collections.abc import Iterator

import pytest
from world import ROOT

from worker.crew import CHORES

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
ROOMS = ("api", "worker", "darkroom", "migrations")
PAGE = (ROOT / "docs" / "telemetry.md").read_text("utf-8")
BY_DUTY = "worker/crew.py"
"""The one file whose lines carry the name of what was being done."""


def _is_logger(node: ast.expr) -> bool:
    made = isinstance(node, ast.Call) and getattr(node.func, "id", None) == "logger"
    return made or (isinstance(node, ast.Name) and node.id == "log")


def _lines(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if named and node.func.attr in LEVELS and _is_logger(node.func.value):
            yield node


def _actions(source: str) -> Iterator[str | None]:
    """The action of each line; None where it has none, or one that is not written down there."""
    for line in _lines(source):
        given = {keyword.arg: keyword.value for keyword in line.keywords}
        action = given.get("action")
        yield action.value if isinstance(action, ast.Constant) else None


def _written() -> dict[str, list[str | None]]:
    files = {
        path.relative_to(ROOT).as_posix(): path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    return {
        name: actions
        for name, path in files.items()
        if (actions := list(_actions(path.read_text("utf-8"))))
    }


def test_every_line_says_what_was_being_done():
    written = _written()
    assert len(written) > 10
    without = [name for name, actions in written.items() if None in actions]
    assert without == [BY_DUTY]


def test_a_line_without_an_action_is_found():
    assert list(_actions('logger("x").info("y", action="z")')) == ["z"]
    assert list(_actions('logger("x").error("y", reason="z")')) == [None]


def _duties(source: str) -> set[str]:
    """What the crew calls the verbs that it runs: by name, or by the keyword that brings them."""
    named = set(re.findall(r'_guarded\(\s*"(\w+)"', source))
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    hinted = (one for one in calls if getattr(one.func, "attr", None) == "_run_hinted")
    return named | {str(keyword.arg) for call in hinted for keyword in call.keywords}


def test_the_page_explains_every_action_and_no_other():
    duties = _duties((ROOT / BY_DUTY).read_text("utf-8"))
    assert {"heartbeat", "deliver"} <= duties
    known = {action for actions in _written().values() for action in actions if action}
    section = PAGE.split("\n## Log lines")[1]
    told = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(told) == sorted(known | duties | CHORES.keys())


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_goes_round_the_logger(room):
    found = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / room).rglob("*.py")
        if re.search(
            r"logging\.getLogger\(\)|logging\.(info|warning|error)\(", path.read_text("utf-8")
        )
    ]
    assert found == []
