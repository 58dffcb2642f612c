"""The spool: a folder of the local disk where answers wait that their storage does not take."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from darkroom.blobs.disk import DiskStore


class Spool:
    """Named objects that survive this process and a power cut; for nobody but its user to read.

    Several workers of one machine may share it. Every method may raise StorageFailed.
    """

    def __init__(self, root: Path) -> None:
        self._disk = DiskStore(root)
        self._disk.make_folders()

    def keep(self, name: str, chunks: Iterable[bytes]) -> None:
        """Lays something down: all of it or nothing, synced."""
        self._disk.keep(name, chunks, synced=True)

    def kept(self, name: str) -> bytes | None:
        """Return what lies under this name, None if nothing does."""
        return self._disk.kept(name)

    def drop(self, name: str) -> None:
        """Remove it; what is not there is removed already."""
        self._disk.drop(name)

    def names(self, prefix: str) -> Iterator[str]:
        """List what lies here, in any order."""
        return (name for name, _ in self._disk.kept_names(prefix))

    def free_bytes(self) -> int:
        """Return the space left."""
        return self._disk.free_bytes()
