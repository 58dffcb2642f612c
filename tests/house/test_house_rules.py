"""House rules that no linter knows, read from the code itself."""

import ast
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("darkroom", "api", "worker", "sandbox", "migrations")
FILES = sorted(path for room in CODE for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

pytestmark = pytest.mark.xdist_group("house rules")
"""All in one process, so that the code is parsed once."""

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
USUAL_FUNCTION = 30
UNNAMED = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "managers",
    "service",
    "services",
    "misc",
}
BUILDERS = {
    "create_engine",
    "open_engine",
    "Redis",
    "Celery",
    "OpenAI",
    "FastAPI",
    "Starlette",
    "Settings",
    "Thread",
    "from_url",
    "Client",
}
FIXED = (
    "Makefile", "README.md", "pyproject.toml", "requirements.lock", "docker-compose.yml", ".ci/run",
    "docs/state_machine.md", "docs/guarantees.md", "docs/decisions", "examples",
    "api/app.py", "worker/app.py", "darkroom/settings.py", "darkroom/domain", "darkroom/store", "darkroom/limits",
    "darkroom/provider", "darkroom/blobs", "darkroom/sheets", "darkroom/pictures", "darkroom/telemetry",
    "darkroom/local", "darkroom/cli", "sandbox/__main__.py", "migrations", "tests",
)  # fmt: skip


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@pytest.fixture(scope="module", autouse=True)
def _felled():
    """Half a million nodes are not kept for the tests of other files."""
    yield
    _tree.cache_clear()


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function) -> int:
    return function.end_lineno - function.lineno + 1


def _run_on_import(tree: ast.Module):
    """What is evaluated when a file is read: all but the insides of its functions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [
                *node.decorator_list,
                *node.args.defaults,
                *filter(None, node.args.kw_defaults),
            ]
        elif isinstance(node, ast.Lambda):
            continue
        else:
            waiting += ast.iter_child_nodes(node)


def _called(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)


def test_no_file_is_long():
    long = {
        _shown(p): n for p in FILES if (n := len(p.read_text("utf-8").splitlines())) > LONGEST_FILE
    }
    long.pop("migrations/versions/0001_the_queue_and_its_ledger.py", None)
    assert not long


def test_functions_are_short():
    lengths = {
        f"{_shown(path)}:{function.lineno} {function.name}": _length(function)
        for path in FILES
        if "versions" not in path.parts
        for function in _functions(_tree(path))
    }
    assert not {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION}
    usual = sum(n <= USUAL_FUNCTION for n in lengths.values())
    assert usual / len(lengths) >= 0.9


def test_nothing_is_imported_inside_a_function():
    hidden = [
        f"{_shown(path)}:{node.lineno}"
        for path in FILES
        for function in _functions(_tree(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden


def test_no_module_is_named_for_nothing():
    assert not [_shown(path) for path in (*FILES, *TESTS) if path.stem in UNNAMED]
    assert not [_shown(path) for path in FILES if path.parent.name in UNNAMED]


def test_no_test_sleeps():
    sleeping = [
        f"{_shown(path)}:{node.lineno}"
        for path in TESTS
        for node in ast.walk(_tree(path))
        if _called(node) == "sleep"
    ]
    assert not sleeping


def test_nothing_is_put_off_in_a_comment():
    words = ("TODO", "FIX" + "ME", "XXX", "HACK")
    found = []
    for path in (*FILES, *TESTS):
        with path.open("rb") as file:
            found += [
                f"{_shown(path)}:{token.start[0]}"
                for token in tokenize.tokenize(file.readline)
                if token.type == tokenize.COMMENT and any(word in token.string for word in words)
            ]
    assert not found


@pytest.mark.parametrize("path", FILES, ids=_shown)
def test_nothing_is_built_when_a_file_is_read(path):
    built = [
        f"{_called(node)} in line {node.lineno}"
        for node in _run_on_import(_tree(path))
        if _called(node) in BUILDERS
    ]
    assert not built


def test_the_environment_is_read_at_the_doors_only():
    """Settings read it; the doors and the local stack hand it to their children."""
    at_the_doors = (
        "darkroom/settings.py",
        "darkroom/sections.py",
        "darkroom/cli/",
        "darkroom/local/",
        "sandbox/",
        "migrations/",
    )
    readers = [
        _shown(path)
        for path in FILES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and not _shown(path).startswith(at_the_doors)
    ]
    assert not readers


@pytest.mark.parametrize("path", FIXED)
def test_the_top_level_is_where_people_look_for_it(path):
    assert (ROOT / path).exists()


def test_no_two_test_files_have_one_name():
    """Without packages they would be one module."""
    loose = [path.name for path in TESTS if not (path.parent / "__init__.py").exists()]
    twice = {name for name in loose if loose.count(name) > 1} - {"conftest.py"}
    assert not twice
