"""The tutorials: every block of each page, pasted into a shell, one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from person import Person
from world import ROOT, Process

PAGES = ("prompt-list", "catalog", "polling")
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _script(page: str) -> str:
    """All blocks of a page as one script that ends at the first command that fails."""
    text = (ROOT / "docs" / "tutorials" / f"{page}.md").read_text("utf-8")
    blocks = [
        code if kind == "sh" else f"python - <<'PYTHON'\n{code}PYTHON\n"
        for kind, code in _BLOCK.findall(text)
    ]
    assert len(blocks) > 2
    return "set -euo pipefail\n" + "\n".join(blocks)


def _paste(person: Person, page: str) -> tuple[str, Path]:
    """What the shell said, and the directory it worked in."""
    folder = person.folder / page
    folder.mkdir()
    bin_folder = str(Path(sys.executable).parent)
    done = subprocess.run(
        ("bash", "-c", _script(page)),
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "DARKROOM_HOME": str(person.home),
            **({"DARKROOM_API_URL": str(person.state()["api_url"])} if page == "polling" else {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr, folder


@pytest.mark.timeout(360)
def test_every_tutorial_does_what_it_says(person: Person, stack: Process) -> None:
    said, folder = _paste(person, "prompt-list")
    images = {path.name for path in (folder / "images").glob("*.png")}
    assert images == {"mug-01.png", "mug-02.png", "mug-03.png"}
    assert "nothing to pay" in said
    assert "the nearest is 1088x1920" in said
    assert "exit status 2" in said
    assert _billed(person) == 3

    said, folder = _paste(person, "catalog")
    current = {path.name for path in (folder / "published" / "current").iterdir()}
    assert {"oak-stool", "linen-cloth", "pewter-jug"} <= current
    assert "brass-lamp" not in current
    assert _billed(person) == 3 + 3 + 2

    said, folder = _paste(person, "polling")
    assert "completed" in said
    assert len((folder / "output.jsonl").read_text().splitlines()) == 3
    assert _billed(person) == 3 + 3 + 2 + 1 + 3


def test_no_tutorial_is_left_out() -> None:
    assert {path.stem for path in (ROOT / "docs" / "tutorials").iterdir()} == set(PAGES)


def _billed(person: Person) -> int:
    """Images that the sandbox has billed; a call is in its ledger before anybody hears of its answer."""
    return sum(int(str(call["images_billed"])) for call in person.ledger())
