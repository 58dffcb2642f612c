"""manifest.csv and errors.csv: what was made, what was not and why, each file complete or not there."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from darkroom.cli.advice import hint
from darkroom.cli.caller import command
from darkroom.cli.landing import Landing
from darkroom.cli.replies import Batch, Image, Job
from darkroom.domain.batch import BatchStatus
from darkroom.domain.manifest import columns, row
from darkroom.domain.problem import Problem

MANIFEST = (
    *columns("file"),
    "provider",
    "attempts",
    "effective_quality",
    "effective_size",
    "checks",
)
ERRORS = (
    "custom_id",
    "line",
    "state",
    "class",
    "code",
    "message",
    "hint",
    "attempts",
    "cost_usd",
    "request_id",
    "batch_id",
    "prompt",
)
_WITHOUT_IMAGE = frozenset({"failed", "cancelled", "expired"})
_UNTRIED = frozenset({"cancelled", "expired"})
SKIPPED = "correct the row as the message says and submit it anew"
_NO_FAILURE: Mapping[str, Any] = {}


class Manifest:
    """Both files, row by row; they take their names in `close`.

    A job's cost, of all its attempts, stands in the row of its first image, so that the column adds up.
    """

    def __init__(self, landing: Landing, batch: Batch) -> None:
        self._landing = landing
        self._out = landing.out
        self._batch = batch
        self._files = ExitStack()
        self.images = 0
        self.errors = 0

    def __enter__(self) -> Self:
        self._manifest = self._opened("manifest.csv", MANIFEST)
        self._errors = self._opened("errors.csv", ERRORS)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._files.close()
        finally:
            for name in ("manifest.csv", "errors.csv"):
                _part(self._out / name).unlink(missing_ok=True)

    def add(self, job: Job, files: Sequence[tuple[str, Image]]) -> None:
        """A job, and its images by file name."""
        for index, (name, image) in enumerate(files, 1):
            whom = (self._batch.provider, job.attempts)
            effective = (*_effective(image), job.findings.get(image.id, ""))
            made = row(job, index, image, name, job.batch_id)
            self._manifest.writerow((*made, *whom, *effective))
        self.images += len(files)
        if job.state in _WITHOUT_IMAGE:
            self._blame(_missing(job))
        if job.mismatched:
            self._blame(_mismatched(job))

    def lose(self, job: Job, name: str, code: str, message: str) -> None:
        """An image of a job that was made and cannot be had any more."""
        words = ("lost", code, f"{name}: {message}", _remade(job))
        self._blame(_blamed(job, words))

    def _blame(self, cells: Sequence[object]) -> None:
        self._errors.writerow(cells)
        self.errors += 1

    def close(self) -> int:
        """Put the files in place; how many rows errors.csv has."""
        self._files.close()
        manifest, errors = self._out / "manifest.csv", self._out / "errors.csv"
        for path in (manifest, errors):
            self._landing.clear_sheet(path)
        _part(manifest).replace(manifest)
        if self.errors:
            _part(errors).replace(errors)
        else:
            errors.unlink(missing_ok=True)
        return self.errors

    def skip(self, problems: Iterable[Problem]) -> None:
        """Rows that were left out; of a batch that was refused there are none."""
        for one in problems if self._batch.status is not BatchStatus.FAILED else ():
            words = (
                "skipped",
                "skipped",
                one.code,
                str(one),
                SKIPPED,
                0,
                0,
                "",
                self._batch.id,
                "",
            )
            self._blame((one.custom_id, one.line, *words))

    def _opened(self, name: str, header: Sequence[str]) -> Any:
        path = _part(self._out / name)
        file = self._files.enter_context(path.open("w", encoding="utf-8", newline=""))
        writer = csv.writer(file)
        writer.writerow(header)
        return writer


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _effective(image: Image) -> Sequence[object]:
    """What became of an `auto`: the quality as the provider says, the size as it is."""
    return (image.quality, f"{image.width}x{image.height}")


def _mismatched(job: Job) -> Sequence[object]:
    asked = f"{job.request.get('size')} {job.request.get('output_format')}"
    came = ", ".join(f"{one.width}x{one.height} {one.format}" for one in job.mismatched)
    fetch = command("fetch", job.batch_id, "--out", "DIR", "--accept-mismatch")
    words = ("mismatch", "mismatch", f"asked for {asked}, got {came}", f"`{fetch}` takes it")
    return _blamed(job, words)


def _remade(job: Job) -> str:
    reject = command("review", job.batch_id, "--reject", job.custom_id)
    retry = command("retry", job.batch_id, "--only", "rejected")
    return (
        f"bring the storage back from its copy and fetch again; or `{reject}`, then `{retry}`: it is made "
        "anew, and paid for anew"
    )


def _missing(job: Job) -> Sequence[object]:
    failure = job.failure or _NO_FAILURE
    klass = job.state if job.state in _UNTRIED else str(failure.get("class", job.state))
    words = (klass, failure.get("code"), failure.get("message"), hint(klass, job.batch_id))
    return _blamed(job, words)


def _blamed(job: Job, words: Sequence[object]) -> Sequence[object]:
    known = (job.attempts, job.cost, job.request_id, job.batch_id, job.request.get("prompt"))
    return (job.custom_id, job.line, job.state, *words, *known)
