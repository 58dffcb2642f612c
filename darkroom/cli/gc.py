"""gc: what was kept for as long as is set goes."""

from typing import Annotated

import typer

from darkroom.cli.caller import command
from darkroom.cli.environment import read_environment
from darkroom.cli.options import Json
from darkroom.cli.replies import Freed
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import plural


def gc(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and leave it.")
    ] = False,
    json: Json = False,
) -> None:
    """Let go what was kept for long enough.

    Example: darkroom gc --dry-run

    How long that is, DARKROOM_RETENTION_IMAGES, _FILES, _ANSWERS and _EVENTS say, in days. What an open
    batch or a version of a catalog needs is kept. Workers do the same every hour.
    """
    terminal = Terminal()
    freed = attend(read_environment(), terminal, lambda session: _collected(session, dry=dry_run))
    if json:
        terminal.json(freed.reply)
        return
    terminal.result(told(freed, dry=dry_run))
    if freed.waiting and not dry_run:
        again = command("gc")
        terminal.notice(
            f"{plural(freed.waiting, 'content')} may go two minutes after it was given up: "
            f"`{again}` then, or leave it to the workers"
        )


def _collected(session: Session, *, dry: bool) -> Freed:
    freed: Freed = session.client.collect(dry_run=dry)
    last = freed
    while last.more:
        session.heed()
        last = session.client.collect(dry_run=False)
        freed += last
    return freed


def told(freed: Freed, *, dry: bool) -> str:
    """What went, or would go.

    >>> told(Freed(images=2, files=1, answers=0, events=0, bytes=3_000_000, waiting=0, more=False), dry=True)
    'would give up 2 images, 1 file, 0 raw answers, 0 events; 3.0 MB'
    """
    what = ", ".join(
        (
            plural(freed.images, "image"),
            plural(freed.files, "file"),
            plural(freed.answers, "raw answer"),
            plural(freed.events, "event"),
        )
    )
    size = f"{freed.bytes / 1e6:,.1f} MB"
    return f"would give up {what}; {size}" if dry else f"gave up {what}; {size} freed"
