"""What the documents tell people to type is understood: every command by its parser, every file they lead to is there."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import flower.options  # noqa: F401 - it says which there are
import pytest
import typer
import yaml
from celery import Celery
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from tornado.options import options as flower_options
from typer.main import get_command
from uvicorn.main import main as uvicorn

from darkroom.cli.main import build_app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")})
_BLOCK = re.compile(
    r"^ *```(?:sh|bash)\n(.*?)^ *```|((?:^    darkroom [^\n]*\n)+)", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"`((?:darkroom|celery|uvicorn|make|docker compose|python -m) [a-z-][^`]*)`")
_TOOL = re.compile(r"\s*(celery|uvicorn|make|docker compose|python -m) (.+)")
_COMMAND = re.compile(r"\s*(?:\.venv/bin/)?darkroom ([a-z].*)")
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def _lines(document: Path) -> Iterator[tuple[str, bool]]:
    """What a document shows of a shell, and whether it stands there to be typed as it is."""
    text = document.read_text("utf-8")
    blocks = ["".join(filter(None, found)) for found in _BLOCK.findall(text)]
    for block in blocks:
        yield from ((line, True) for line in block.replace("\\\n", " ").splitlines())
    yield from ((line.replace("\n", " "), False) for line in _INLINE.findall(text))


def _typed(document: Path) -> Iterator[tuple[list[str], bool]]:
    """Each command as its words; one for each of `pause | resume BATCH`."""
    for line, whole in _lines(document):
        if command := _COMMAND.fullmatch(line):
            text = re.split(r"\s{2,}(?!-)|\s+(?:#|\|\|)\s", command[1].strip())[0]
            *others, last = text.split(" | ")
            rest = last.split(" ")[1:] if others else []
            for one in (*(f"{other} {' '.join(rest)}" for other in others), last):
                yield shlex.split(re.sub(r"[\[\]]", "", one)), whole


def _fault(words: list[str]) -> str | None:
    """What the command line would refuse of this before it does anything; None where it would begin."""
    command, name, rest = get_command(build_app()), "darkroom", list(words)
    while rest and (children := getattr(command, "commands", None)):
        name = rest.pop(0)
        if name not in children:
            return f"no command {name}"
        command = children[name]
    try:
        command.make_context(name, rest)
    except typer.Exit:
        return None
    except typer.TyperException as error:
        return error.format_message()
    return None


def _is_mentioned(words: list[str]) -> bool:
    """Whether only a name is told, of a command or of an option of it, and not how it is typed."""
    return words[-1].startswith("-") or not any(
        word.startswith("-") or word.isupper() for word in words
    )


COMMANDS = [
    pytest.param(words, whole, id=f"{path.relative_to(ROOT)}: {' '.join(words)[:70]}")
    for path in DOCUMENTS
    for words, whole in _typed(path)
]


@pytest.mark.parametrize(("words", "whole"), COMMANDS)
def test_a_command_that_a_document_shows_can_be_typed(words, whole):
    fault = _fault(words)
    if not whole and _is_mentioned(words) and fault:
        assert fault.startswith("Missing") or fault.endswith("requires an argument.")
    else:
        assert fault is None


def test_the_documents_show_commands():
    assert len(COMMANDS) > 60


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("develop x", "no command develop"),
        ("catalog develop", "no command develop"),
        ("run x --out y --budgett 1", "No such option"),
        ("run x", "Missing option '--out'"),
        ("fetch", "Missing argument"),
        ("priority BATCH high", "be a valid integer"),
        ("watch BATCH BATCH", "unexpected extra argument"),
    ],
)
def test_a_command_that_would_be_refused_is_found(words, fault):
    assert fault in (_fault(words.split()) or "")


def _celery(words: list[str]) -> str | None:
    """What celery would refuse; no app is made for it, that would hear every signal of this process."""
    match words:
        case ["-A", "worker.app", "flower", *options]:
            names = (option.lstrip("-").partition("=")[0] for option in options)
            return next((f"no option {name}" for name in names if name not in flower_options), None)
        case ["-A", "worker.app", name, *rest] if command := celery.get_command(None, name):
            known = CLIContext(Celery(set_as_current=False), no_color=True, workdir=None)
            return _refused(command, name, rest, obj=known)
        case _:
            return f"nothing of ours is begun with {' '.join(words)}"


def _uvicorn(words: list[str]) -> str | None:
    if fault := _refused(uvicorn, "uvicorn", words):
        return fault
    module, _, name = next(word for word in words if ":" in word).partition(":")
    return None if hasattr(import_module(module), name) else f"no {name} in {module}"


def _refused(command: click.Command, name: str, words: list[str], **more: object) -> str | None:
    try:
        command.make_context(name, list(words), **more)
    except click.ClickException as error:
        return error.format_message()
    return None


def _module(words: list[str]) -> str | None:
    """What is wrong with `python -m` and these words: ours have no parser that could be asked alone."""
    name, *rest = words
    module = ROOT / name.replace(".", "/")
    file = module / "__main__.py" if module.is_dir() else module.with_suffix(".py")
    if not file.is_file():
        return f"no module of ours {name}"
    source = file.read_text("utf-8")
    unknown = (word for word in rest if not word.isdigit() and f'"{word}"' not in source)
    return next((f"{name} knows no {word}" for word in unknown), None)


def _compose(words: list[str]) -> str | None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    match words:
        case ["up", "--detach"]:
            return None
        case ["up", "--scale", service]:
            name, _, number = service.partition("=")
            return None if name in services and number.isdigit() else f"no service {service}"
        case _:
            return f"no test knows docker compose {' '.join(words)}"


def _make(words: list[str]) -> str | None:
    text = (ROOT / "Makefile").read_text("utf-8")
    rules = r"^([a-z]+):.*##|^([A-Z]+) \?="
    known = {one for found in re.findall(rules, text, re.MULTILINE) for one in found}
    return next(
        (f"make knows no {word}" for word in words if word.split("=")[0] not in known), None
    )


TOOLS = {
    "celery": _celery,
    "uvicorn": _uvicorn,
    "python -m": _module,
    "docker compose": _compose,
    "make": _make,
}
OTHERS = [
    pytest.param(found[1], shlex.split(found[2], comments=True), id=f"{path.relative_to(ROOT)}: {line.strip()[:60]}")
    for path in DOCUMENTS
    for line, _ in _lines(path)
    if (found := _TOOL.fullmatch(line))
]  # fmt: skip


@pytest.mark.parametrize(("tool", "words"), OTHERS)
def test_what_a_document_shows_of_other_programs_can_be_typed(tool, words):
    assert TOOLS[tool](words) is None


def test_the_documents_show_each_of_them():
    assert {one.values[0] for one in OTHERS} == TOOLS.keys()


@pytest.mark.parametrize(
    "line",
    [
        "celery -A worker.app develop",
        "celery -A worker worker",
        "celery -A worker.app worker --frobnicate",
        "celery -A worker.app worker --pool=swimming",
        "celery -A worker.app flower --prot=5555",
        "uvicorn --factory api.app:create_application",
        "uvicorn --factory api.app:create_app --port high",
        "python -m migrations upgarde",
        "python -m benchmarks.nothing",
        "python -m benchmarks.submit --rowz 5",
        "docker compose up --scale wroker=8",
        "make rnu",
        "make run FLIE=x",
    ],
)
def test_what_another_program_would_refuse_is_found(line):
    tool, words = _TOOL.fullmatch(line).groups()
    assert TOOLS[tool](words.split())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_leads_only_to_what_is_there(document):
    lost = [
        to
        for to in _LINK.findall(document.read_text("utf-8"))
        if not (document.parent / to).exists()
    ]
    assert lost == []
