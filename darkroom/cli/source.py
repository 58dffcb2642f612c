"""The input file of a command: a path, or stdin kept in a file for as long as the command needs it."""

import hashlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from darkroom.cli.ending import CliError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes are, and what the person at the terminal calls them."""

    path: Path
    name: str
    folder: Path
    """Where the paths in it lead on from."""

    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened(given: str) -> Iterator[Source]:
    """The file of this name, or stdin for `-`.

    Raises:
        CliError: there is no such file, or it is none.
    """
    if given == STDIN:
        with NamedTemporaryFile(prefix="darkroom-") as spool:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.flush()
            yield Source(Path(spool.name), "stdin", Path())
        return
    path = Path(given)
    if path.is_dir():
        raise CliError(f"{given} is a directory; name a prompt list in it")
    if not path.exists():
        raise CliError(f"there is no file {given}; check the name, or use - to read stdin")
    yield Source(path, path.name, path.parent)
