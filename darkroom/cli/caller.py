"""How we were called, so that a hint can be typed as it stands."""

import shlex
import shutil
import sys
from pathlib import Path

NAME = "darkroom"


def command(*words: str) -> str:
    """A command line of ours, as this person would write it."""
    return f"{program(sys.argv[0])} {shlex.join(words)}"


def program(called: str) -> str:
    """What stands for `darkroom` here: its name if the PATH leads there, else the way we were called.

    >>> program("/nowhere/.venv/bin/darkroom"), program("/usr/bin/pytest")
    ('/nowhere/.venv/bin/darkroom', 'darkroom')
    """
    path = Path(called)
    if path.name == "__main__.py":
        return f"{_near(Path(sys.executable))} -m darkroom.cli"
    if path.name != NAME or _is_on_path(path):
        return NAME
    return _near(path)


def _is_on_path(path: Path) -> bool:
    found = shutil.which(NAME)
    return found is not None and path.exists() and path.samefile(found)


def _near(path: Path) -> str:
    """A path as it is written from here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
