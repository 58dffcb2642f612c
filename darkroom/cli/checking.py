"""checks.csv: which images deserve a second look, and why; looked at here, on what lies on disk."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from darkroom.cli.landing import Landing
from darkroom.cli.replies import Image, Job
from darkroom.domain.checking import Check, Finding, blank, duplicate, mismatches, sku_of
from darkroom.domain.resemblance import Resemblances
from darkroom.pictures import NotAPicture, likeness

NAME = "checks.csv"
COLUMNS = ("custom_id", "file", "check", "reason")


class Checks:
    """Looks at images one after another; the file takes its name in `close`, unless all is well."""

    def __init__(self, landing: Landing) -> None:
        self._landing = landing
        self._path = landing.out / NAME
        self._part = self._path.with_name(NAME + ".part")
        self._files = ExitStack()
        self._seen = Resemblances()
        self.flagged = 0
        self.doubtful: list[str] = []
        """The custom_ids whose images they are."""

    def __enter__(self) -> Self:
        file = self._files.enter_context(self._part.open("w", encoding="utf-8", newline=""))
        self._rows: Any = csv.writer(file)
        self._rows.writerow(COLUMNS)
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()
        self._part.unlink(missing_ok=True)

    def add(self, job: Job, files: Sequence[tuple[Path, Image]]) -> None:
        """Looks at a job's images."""
        for path, image in files:
            shape = (image.width, image.height, image.format)
            findings = [*mismatches(job.request, *shape), *self._looked(job, path)]
            name = path.relative_to(self._landing.out).as_posix()
            rows = ((job.custom_id, name, one.check, one.reason) for one in findings)
            self._rows.writerows(rows)
            self.flagged += bool(findings)
            if findings and job.custom_id not in self.doubtful[-1:]:
                self.doubtful.append(job.custom_id)

    def close(self) -> int:
        """Put the file in place; how many images it names."""
        self._files.close()
        self._landing.clear_sheet(self._path)
        if self.flagged:
            self._part.replace(self._path)
        else:
            self._path.unlink(missing_ok=True)
        return self.flagged

    def _looked(self, job: Job, path: Path) -> Iterator[Finding]:
        seen = likeness(path.read_bytes())
        if isinstance(seen, NotAPicture):
            yield Finding(Check.UNREADABLE, seen.reason)
        elif seen.blank:
            yield blank(seen.contrast)
        elif other := self._seen.meet(sku_of(job.custom_id), seen.bits, seen.spots):
            yield duplicate(other)
