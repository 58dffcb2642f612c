"""A batch as one ZIP archive on disk: a download that broke off goes on where it stopped."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from darkroom.cli.caller import command
from darkroom.cli.ending import CliError, Exit
from darkroom.cli.replies import Batch
from darkroom.cli.session import Session
from darkroom.domain.figures import plural, volume

_PARTIAL, _OVER = 206, 416


@dataclass(frozen=True, slots=True)
class Zipped:
    """What lies on disk now."""

    path: Path
    images: int
    resumed: int

    def __str__(self) -> str:
        size = volume(self.path.stat().st_size)
        before = f", {volume(self.resumed)} of them there before" if self.resumed else ""
        return f"{self.path.absolute()}: {plural(self.images, 'image')}, {size}{before}"


def zipped(session: Session, batch: Batch, path: Path, query: dict[str, Any]) -> Zipped:
    """Download the archive, or what is missing of it, look at every byte, and give it its name.

    Raises:
        CliError: the batch has not ended, or what came is not whole.
    """
    part, mark = path.with_name(path.name + ".part"), path.with_name(path.name + ".etag")
    tag = mark.read_text("utf-8") if mark.exists() and part.exists() else ""
    had = part.stat().st_size if tag else 0
    headers = {"Range": f"bytes={had}-", "If-Range": tag} if had else {}
    with session.client.archive(batch.id, query, headers) as response:
        goes_on = response.status_code in (_PARTIAL, _OVER)
        if response.status_code != _OVER:
            mark.write_text(response.headers["ETag"], "utf-8")
            _append(session, response, part, anew=not goes_on)
    images = _checked(part, mark)
    part.replace(path)
    mark.unlink()
    return Zipped(path, images, had if goes_on else 0)


def _append(session: Session, response: httpx2.Response, part: Path, *, anew: bool) -> None:
    with part.open("wb" if anew else "ab") as file:
        for chunk in _chunks(session, response):
            file.write(chunk)


def _chunks(session: Session, response: httpx2.Response) -> Iterator[bytes]:
    for chunk in response.iter_raw():
        session.heed()
        yield chunk


def _checked(part: Path, mark: Path) -> int:
    """How many images an archive has whose every checksum is right; one that is not is thrown away."""
    try:
        with zipfile.ZipFile(part) as archive:
            damaged, number = archive.testzip(), len(archive.infolist()) - 1
    except zipfile.BadZipFile:
        damaged, number = "its end", 0
    if damaged is None:
        return number
    part.unlink()
    mark.unlink()
    again = command("fetch", "BATCH", "--zip", "FILE")
    message = f"the archive that came is damaged ({damaged}); run `{again}` again"
    raise CliError(message, Exit.STOPPED)
