"""The directory that images are put into: what lies there already, and what of it may be replaced."""

import csv
import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from darkroom.cli.replies import Image

MANIFEST = "manifest.csv"
_NEEDED = frozenset({"file", "sha256", "batch_id"})
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES})
_LOOKS_AGAIN = 0.5


@contextmanager
def alone_in(out: Path, wait: Callable[[float], None]) -> Iterator[None]:
    """While inside, no other command puts files into this directory; waits until the one that does is done.

    A file system that knows no locks keeps nobody out.
    """
    descriptor = os.open(out, os.O_RDONLY)
    try:
        while not _locked(descriptor):
            wait(_LOOKS_AGAIN)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True


@dataclass(frozen=True, slots=True)
class Known:
    """An image that an earlier manifest names."""

    sha256: str
    batch_id: str


class Landing:
    """Replaces nothing but what an earlier fetch has put there; anything else is kept beside it.

    `aside` are the files that were moved out of the way, `others` the batches whose images were replaced.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.aside: list[Path] = []
        self.others: set[str] = set()
        self._known = _known(out / MANIFEST)

    def has(self, path: Path, image: Image) -> bool:
        """Whether the image lies there, byte for byte."""
        alike = path.is_file() and path.stat().st_size == image.bytes
        return alike and sha256_of(path) == image.sha256

    def clear(self, path: Path) -> None:
        """Make room for an image of this name."""
        if not path.exists():
            return
        known = self._known.get(path.relative_to(self.out).as_posix())
        if known and path.is_file() and sha256_of(path) == known.sha256:
            self.others.add(known.batch_id)
        else:
            self._move(path)

    def clear_sheet(self, path: Path) -> None:
        """Make room for a manifest or a list of errors; one that we did not write is kept."""
        if path.exists() and not _is_ours(path):
            self._move(path)

    def _move(self, path: Path) -> None:
        kept, number = path.with_name(f"{path.name}.old"), 2
        while kept.exists():
            kept, number = path.with_name(f"{path.name}.old-{number}"), number + 1
        path.rename(kept)
        self.aside.append(kept)


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_ours(path: Path) -> bool:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith("custom_id,")
    return False


def _known(manifest: Path) -> dict[str, Known]:
    """What an earlier manifest names, by file; nothing if it is not ours."""
    if not manifest.is_file() or not _is_ours(manifest):
        return {}
    with manifest.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        if not _NEEDED.issubset(rows.fieldnames or ()):
            return {}
        return {row["file"]: Known(row["sha256"], row["batch_id"]) for row in rows}
