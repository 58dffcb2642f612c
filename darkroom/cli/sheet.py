"""`sheet`: a batch as a page to look at, everything inside one file, nothing asked of anybody."""

import base64
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from html import escape
from itertools import islice
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from darkroom.cli.batchid import meant
from darkroom.cli.bringing import THREADS
from darkroom.cli.control import BatchId
from darkroom.cli.environment import read_environment
from darkroom.cli.replies import Batch, Image, Job
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import money, plural

PER_PAGE = 1_000
"""Images of one file: some 10 MB, which every browser opens."""

PROMPT_SHOWN = 300
_AHEAD = 64
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
body {{ font: 13px/1.4 system-ui, sans-serif; margin: 1.5rem; background: #fafafa; color: #222 }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 1rem }}
figure {{ margin: 0; overflow-wrap: anywhere }}
img, .none {{ width: 100%; aspect-ratio: 1; object-fit: contain; background: #eee }}
.none {{ display: grid; place-items: center; color: #a33 }}
figcaption b {{ display: block }}
.rejected {{ opacity: .4 }}
.approved b::before {{ content: "\\2713\\00a0"; color: #282 }}
</style></head><body><h1>{title}</h1><p>{summary}</p>{pages}<main>
"""
_TAIL = "</main></body></html>\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """One image, or a job without one, as it is shown."""

    job: Job
    small: bytes | None

    def html(self) -> str:
        """Its figure; what a stranger has written is text and nothing else."""
        prompt = str(self.job.request.get("prompt", ""))
        shown = prompt if len(prompt) <= PROMPT_SHOWN else prompt[: PROMPT_SHOWN - 1] + "…"
        name, verdict = escape(self.job.custom_id), escape(self.job.verdict or "")
        return (
            f'<figure class="{verdict}">{self._picture(name)}'
            f'<figcaption><b>{name}</b><span title="{escape(prompt)}">{escape(shown)}</span>'
            "</figcaption></figure>\n"
        )

    def _picture(self, name: str) -> str:
        if self.small is None:
            failure = self.job.failure or {}
            why = escape(str(failure.get("code") or self.job.state))
            return f'<div class="none">{why}</div>'
        data = base64.b64encode(self.small).decode()
        return f'<img alt="{name}" loading="lazy" src="data:image/webp;base64,{data}">'


def sheet(
    batch: BatchId,
    *,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("sheet.html"),
    verdict: Annotated[
        str | None, typer.Option(help="Only what was approved, or rejected.")
    ] = None,
) -> None:
    """Write a contact sheet: one HTML file with every image in small.

    Example: darkroom sheet batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --out sheet.html

    It can be mailed and opened anywhere: nothing is loaded from elsewhere. After every 1,000 images
    another file begins, sheet-2.html; each links its neighbours.
    """
    terminal = Terminal()

    def work(session: Session) -> tuple[int, Sequence[Path]]:
        found = meant(session.client, batch)
        frames = _frames(session, found, verdict)
        return _write(found, frames, out)

    number, written = attend(read_environment(), terminal, work)
    terminal.notice(plural(number, "frame"))
    for path in written:
        terminal.result(str(path.absolute()))


def _frames(session: Session, batch: Batch, verdict: str | None) -> Iterator[Frame]:
    """Every frame in the order of the lines; a few small images ahead are on their way."""
    coming: deque[tuple[Job, Future[bytes | None]]] = deque()
    with ThreadPoolExecutor(THREADS) as hands:
        try:
            for job, image in _wanted(session, batch, verdict):
                session.heed()
                coming.append((job, hands.submit(_small, session, image)))
                if len(coming) > _AHEAD:
                    yield _arrived(coming.popleft())
            while coming:
                yield _arrived(coming.popleft())
        finally:
            for _, one in coming:
                one.cancel()


def _arrived(one: tuple[Job, Future[bytes | None]]) -> Frame:
    return Frame(one[0], one[1].result())


def _wanted(
    session: Session, batch: Batch, verdict: str | None
) -> Iterator[tuple[Job, Image | None]]:
    for job in session.client.jobs(batch.id):
        if verdict is None or job.verdict == verdict:
            yield from ((job, image) for image in job.images or (None,))


def _small(session: Session, image: Image | None) -> bytes | None:
    if image is None:
        return None
    with session.client.image(f"{image.url}/thumbnail") as chunks:
        return b"".join(chunks)


def _write(batch: Batch, frames: Iterator[Frame], out: Path) -> tuple[int, list[Path]]:
    """The pages, each complete or not there; how many frames they have."""
    number = 0
    written: list[Path] = []
    first = next(frames, None)
    while first is not None or not written:
        some, following = _portion(first, frames)
        _write_page(batch, out, len(written) + 1, some, more=following is not None)
        written.append(_page_of(out, len(written) + 1))
        number, first = number + len(some), following
    return number, written


def _portion(first: Frame | None, frames: Iterator[Frame]) -> tuple[list[Frame], Frame | None]:
    """The frames of one page, and the first of the next."""
    if first is None:
        return [], None
    return [first, *islice(frames, PER_PAGE - 1)], next(frames, None)


def _write_page(batch: Batch, out: Path, page: int, frames: Sequence[Frame], *, more: bool) -> None:
    path = _page_of(out, page)
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(_head(batch, out, page, more=more))
        file.writelines(one.html() for one in frames)
        file.write(_TAIL)
    part.replace(path)


def _page_of(out: Path, page: int) -> Path:
    return out if page == 1 else out.with_name(f"{out.stem}-{page}{out.suffix}")


def _head(batch: Batch, out: Path, page: int, *, more: bool) -> str:
    summary = f"{plural(batch.images, 'image')}, {money(batch.cost.spent)}, {batch.standing}"
    others = [("previous", page - 1)] if page > 1 else []
    others += [("next", page + 1)] if more else []
    links = " ".join(
        f'<a href="{escape(quote(_page_of(out, one).name))}">{word}</a>' for word, one in others
    )
    title, pages = (
        escape(batch.name or batch.id),
        f"<nav>page {page} {links}</nav>" if links else "",
    )
    return _HEAD.format(title=title, summary=escape(summary), pages=pages)
