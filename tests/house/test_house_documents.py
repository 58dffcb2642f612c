"""What the documents tell people to type exists: every command, every option, every file they lead to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
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


def _typed(document: Path) -> Iterator[list[str]]:
    text = document.read_text("utf-8")
    blocks = ["".join(filter(None, found)) for found in _BLOCK.findall(text)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in (*lines, *_INLINE.findall(text)):
        command = _COMMAND.fullmatch(line)
        if command:
            yield [word.strip("'\"") for word in command[1].split("#")[0].split()]


def _known(words: list[str]) -> str | None:
    """What of a command line does not exist; None where all of it does."""
    command, rest = get_command(build_app()), [word.strip("[]") for word in words]
    while rest and (children := getattr(command, "commands", None)):
        if rest[0] not in children:
            return rest[0]
        command = children[rest.pop(0)]
    options = {name for one in command.params for name in one.opts} | {
        "--help",
        "--install-completion",
    }
    return next((word for word in rest if word.startswith("--") and word not in options), None)


COMMANDS = [
    pytest.param(words, id=f"{path.relative_to(ROOT)}: {' '.join(words)[:70]}")
    for path in DOCUMENTS
    for words in _typed(path)
    if "|" not in words
]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_that_a_document_names_exists(words):
    assert _known(words) is None


def test_the_documents_name_commands():
    assert len(COMMANDS) > 25


def test_a_command_that_does_not_exist_is_found():
    assert _known(["develop", "x"]) == "develop"
    assert _known(["run", "x", "--budgett", "1"]) == "--budgett"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_leads_only_to_what_is_there(document):
    lost = [
        to
        for to in _LINK.findall(document.read_text("utf-8"))
        if not (document.parent / to).exists()
    ]
    assert lost == []
