"""Brings a batch's images to disk: what is missing, each under its custom_id, each checked."""

import errno
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from darkroom.cli.caller import command
from darkroom.cli.checking import Checks
from darkroom.cli.ending import CliError, Exit
from darkroom.cli.landing import Landing, alone_in
from darkroom.cli.manifest import Manifest
from darkroom.cli.refused import Gone
from darkroom.cli.replies import Batch, Image, Job
from darkroom.cli.session import Session
from darkroom.domain.figures import plural
from darkroom.domain.layout import USUAL, Layout
from darkroom.domain.naming import Names
from darkroom.domain.request import EXTENSION_OF

THREADS = 8
AHEAD = 64
"""Jobs that are looked at before the first of them is complete."""

TRIES = 3
_CHUNK = 1 << 18
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies in the directory now."""

    out: Path
    files: int
    downloaded: int
    errors: int
    aside: int = 0
    others: tuple[str, ...] = ()
    flagged: int = 0
    expired: int = 0
    lost: int = 0
    """Images that were made, and whose bytes the storage does not give."""
    doubtful: tuple[str, ...] = ()
    """The custom_ids of the images that do not pass the checks."""

    def notices(self) -> Iterator[str]:
        """What was there before and had to make room."""
        if self.aside:
            was = "file of yours has" if self.aside == 1 else "files of yours have"
            yield f"{self.aside:,} {was} a name of ours in {self.out}: kept beside it as NAME.old"
        if self.expired:
            were = "image has" if self.expired == 1 else "images have"
            yield (
                f"{self.expired:,} {were} expired and cannot be fetched any more: their bytes were kept "
                "as long as DARKROOM_RETENTION_IMAGES says"
            )
        if self.lost:
            were = "image is" if self.lost == 1 else "images are"
            yield f"{self.lost:,} {were} lost: errors.csv names what the storage does not give any more"
        for batch_id in self.others:
            back = command("fetch", batch_id, "--out", "DIR")
            yield f"images of {batch_id} in {self.out} were replaced; `{back}` brings them back"

    def ending(self, status: Exit) -> Exit:
        """How a command ends that brought this: a lost image is a failure, however well it was made."""
        return Exit.FAILURES if self.lost and status is Exit.MADE else status

    def __str__(self) -> str:
        had = self.files - self.downloaded
        before = f", {had:,} of them there before" if had and self.downloaded else ""
        errors = f", errors.csv ({plural(self.errors, 'row')})" if self.errors else ""
        checks = f", checks.csv ({plural(self.flagged, 'image')})" if self.flagged else ""
        images = f"{self.out.absolute()}: {plural(self.files, 'image')}{before}"
        return f"{images}, manifest.csv{errors}{checks}"


def prepare(out: Path) -> None:
    """Make the directory, and see that it can be written.

    Raises:
        CliError: it cannot be.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".darkroom-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _unwritable(out, error) from error


def fetched(
    session: Session,
    batch: Batch,
    out: Path,
    *,
    accept_mismatch: bool = False,
    layout: Layout | None = None,
    check: bool = False,
) -> Fetched:
    """Download what is missing and write the manifest anew.

    With `accept_mismatch` images of another size or format than asked count as images; with `check` each is
    looked at.

    Of two commands that bring into the same directory the second waits, and finds what the first has brought.

    Raises:
        CliError: the disk is full.
        Interrupted: a signal came.
    """
    with _disk(out, batch.id), alone_in(out, session.wait):
        how = layout or Layout.parse(USUAL)
        return _fetched(
            session, batch, Landing(out), how, accept_mismatch=accept_mismatch, check=check
        )


def _fetched(
    session: Session,
    batch: Batch,
    landing: Landing,
    layout: Layout,
    *,
    accept_mismatch: bool,
    check: bool,
) -> Fetched:
    out = landing.out
    with (
        ThreadPoolExecutor(THREADS) as hands,
        Manifest(landing, batch) as manifest,
        Checks(landing) if check else nullcontext() as checks,
    ):
        tally = Counter[Landed]()
        wanted = map(_accepting if accept_mismatch else _as_it_is, session.client.jobs(batch.id))
        for job, files in _brought(session, wanted, landing, hands, layout):
            tally.update(how for _, _, how in files)
            there = [(path, image) for path, image, how in files if how in HAD]
            manifest.add(job, [(_below(out, path), image) for path, image in there])
            for path, _, how in files:
                if how in LOST:
                    manifest.lose(job, path.name, *LOST[how])
            if checks:
                checks.add(job, there)
        manifest.skip(session.client.problems(batch))
        errors, flagged = manifest.close(), checks.close() if checks else 0
    others = landing.others - {batch.id, *batch.reply["retries"]}
    aside, replaced = len(landing.aside), tuple(sorted(others))
    doubtful = tuple(checks.doubtful) if checks else ()
    return Fetched(
        out,
        manifest.images,
        tally[Landed.DOWNLOADED],
        errors,
        aside,
        replaced,
        flagged,
        expired=tally[Landed.EXPIRED],
        lost=sum(tally[how] for how in LOST),
        doubtful=doubtful,
    )


class Landed(Enum):
    """How it stands with an image that was to be brought."""

    THERE = auto()
    DOWNLOADED = auto()
    EXPIRED = auto()
    MISSING = auto()
    DAMAGED = auto()


HAD = frozenset({Landed.THERE, Landed.DOWNLOADED})

LOST: Mapping[Landed, tuple[str, str]] = {
    Landed.MISSING: ("bytes_missing", "its bytes are not in the storage any more"),
    Landed.DAMAGED: (
        "bytes_damaged",
        "its bytes are not those that were stored: their sha256 is another",
    ),
}
"""What errors.csv says of those: a code, and a message."""

File = tuple[Path, Image, Landed]
"""Where an image lies, what it is, and how it came there."""


def _below(out: Path, path: Path) -> str:
    return path.relative_to(out).as_posix()


def _as_it_is(job: Job) -> Job:
    return job


def _accepting(job: Job) -> Job:
    return replace(job, images=(*job.images, *job.mismatched), mismatched=())


def _brought(
    session: Session,
    jobs: Iterable[Job],
    landing: Landing,
    hands: ThreadPoolExecutor,
    layout: Layout,
) -> Iterator[tuple[Job, list[File]]]:
    """Every job in order, its files in place; a few jobs ahead are on their way."""
    names = Names()
    on_their_way: deque[tuple[Job, list[Future[File]]]] = deque()
    try:
        for job in jobs:
            session.heed()
            errands = _errands(session, job, names, landing, layout)
            on_their_way.append((job, [hands.submit(errand) for errand in errands]))
            if len(on_their_way) > AHEAD:
                yield _arrived(on_their_way.popleft())
        while on_their_way:
            session.heed()
            yield _arrived(on_their_way.popleft())
    finally:
        for _, coming in on_their_way:
            for one in coming:
                one.cancel()


def _arrived(expected: tuple[Job, list[Future[File]]]) -> tuple[Job, list[File]]:
    job, coming = expected
    return job, [one.result() for one in coming]


def _errands(
    session: Session, job: Job, names: Names, landing: Landing, layout: Layout
) -> list[Callable[[], File]]:
    number = max(int(job.request.get("n", 1)), len(job.images))
    stems = layout.claim(names, job.custom_id, job.line, number)

    def errand(stem: str, image: Image) -> Callable[[], File]:
        path = landing.out / f"{stem}.{EXTENSION_OF.get(image.format, image.format)}"
        return lambda: (path, image, _bring(session, image, path, landing))

    return [errand(stem, image) for stem, image in zip(stems, job.images, strict=False)]


def _bring(session: Session, image: Image, path: Path, landing: Landing) -> Landed:
    """Downloads it unless it is there; one that cannot be had keeps no other from coming."""
    session.heed()
    if landing.has(path, image):
        return Landed.THERE
    if image.expired_at is not None:
        landing.clear(path)
        return Landed.EXPIRED
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        came = _came(session, image, part)
        landing.clear(path)
        if came is Landed.DOWNLOADED:
            part.replace(path)
        return came
    finally:
        part.unlink(missing_ok=True)


def _came(session: Session, image: Image, part: Path) -> Landed:
    """Asks until the bytes are those that were stored."""
    try:
        whole = image.sha256 in (_download(session, image, part) for _ in range(TRIES))
    except Gone:
        return Landed.MISSING
    return Landed.DOWNLOADED if whole else Landed.DAMAGED


def _download(session: Session, image: Image, part: Path) -> str:
    """The sha256 of what came."""
    digest = hashlib.sha256()
    with part.open("wb") as file, session.client.image(image.url) as chunks:
        for chunk in chunks:
            session.heed()
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


@contextmanager
def _disk(out: Path, batch_id: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(out, error, batch_id) from error


def _unwritable(out: Path, error: OSError, batch_id: str | None = None) -> CliError:
    if error.errno in _FULL and batch_id:
        elsewhere = command("fetch", batch_id, "--out", "ELSEWHERE")
        fix = (
            f"free some and run `{command('fetch', batch_id, '--out', str(out))}`, or `{elsewhere}`"
        )
        safe = "the images are safe in the stack and nothing is paid again"
        return CliError(f"no room is left in {out}; {safe}: {fix}", Exit.STOPPED)
    reason = error.strerror or str(error)
    return CliError(f"--out {out} cannot be written: {reason}; name a directory that can")
