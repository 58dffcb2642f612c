"""The wheel holds what the programs read beside their code; it is built without a network."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("darkroom", "api", "worker", "sandbox", "migrations")
READ = {".html", ".css", ".js", ".svg", ".lua", ".toml", ".txt", ".mako", ".py"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The names in a wheel that was built from a copy of the sources, and what it makes commands of."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("made")
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, source / room, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    argv = (sys.executable, "-m", "pip", "wheel", *offline, "-w", str(made), str(source))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    [wheel] = made.glob("darkroom-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [programs] = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        return set(archive.namelist()), archive.read(programs).decode()


@pytest.mark.parametrize("suffix", sorted(READ))
def test_what_is_read_is_in_the_wheel(packed, suffix):
    here = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob(f"*{suffix}")
    }
    assert here
    assert not here - packed[0]


def test_it_brings_the_command(packed):
    assert packed[1].split() == ["[console_scripts]", "darkroom", "=", "darkroom.cli.entry:main"]


def test_the_changelog_begins_with_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert first
    assert first[1] == version
