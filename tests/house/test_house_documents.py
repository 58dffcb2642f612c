"""What the documents tell people to type is understood: every command by its parser, every file they lead to is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from darkroom.cli.main import build_app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")})
_BLOCK = re.compile(
    r"^ *```(?:sh|bash)\n(.*?)^ *```|((?:^    darkroom .*\n)+)", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"`(darkroom [a-z][^`]*)`")
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_leads_only_to_what_is_there(document):
    lost = [
        to
        for to in _LINK.findall(document.read_text("utf-8"))
        if not (document.parent / to).exists()
    ]
    assert lost == []
