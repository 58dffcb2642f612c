"""The one directory in which everything of a local stack lives."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from darkroom.local.errors import HomeUnusable

LONGEST_PATH = 800
"""Bytes. Postgres keeps a path in 1,024, and its own file names follow ours."""


@dataclass(frozen=True, slots=True)
class Home:
    """The layout of a home; `prepare` makes it, for nobody but its owner."""

    root: Path

    @property
    def pg(self) -> Path:
        return self.root / "pg"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        return self.run / "secrets"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.root / "log" / f"{name}.log"

    def prepare(self) -> None:
        """Make the directories; one that exists keeps its permissions.

        Raises:
            HomeUnusable: The path is too long, not a directory, or not ours to write.
        """
        length = len(os.fsencode(self.root))
        if length > LONGEST_PATH:
            raise HomeUnusable(self.root, f"the path has {length} bytes, {LONGEST_PATH} may be")
        try:
            for folder in (self.root, self.valkey, self.root / "log", self.run, self.secrets):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnusable(self.root, error.strerror or str(error)) from error
        if not os.access(self.run, os.W_OK | os.X_OK):
            raise HomeUnusable(self.root, "it belongs to another user")


class Secrets:
    """The passwords of a home, each made at random on first use and kept for good."""

    def __init__(self, home: Home) -> None:
        self._folder = home.secrets

    def token(self, name: str) -> str:
        """The secret of this name, in characters that need no quoting in a URL."""
        path = self._folder / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text(encoding="ascii").strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read: all of it or nothing, also after a power cut."""
    fresh = path.with_name(path.name + ".new")
    with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - a mode at creation
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
