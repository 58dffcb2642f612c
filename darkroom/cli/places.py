"""Where the images of a batch were put first; kept in the home, a small file for each batch."""

from pathlib import Path

from darkroom.cli.environment import Environment


class Places:
    """What this home knows of the directories that batches were made into."""

    def __init__(self, environment: Environment) -> None:
        self._folder = environment.root / "places"

    def of(self, batch_id: str) -> Path | None:
        """The directory that this batch was made into, if it is known."""
        path = self._folder / batch_id
        return Path(path.read_text(encoding="utf-8")) if path.exists() else None

    def note(self, batch_id: str, out: Path) -> None:
        """Remember the first directory of a batch; where there is no home, nothing is kept."""
        if self._folder.parent.is_dir() and self.of(batch_id) is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            (self._folder / batch_id).write_text(str(out.absolute()), encoding="utf-8")
