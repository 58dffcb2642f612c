"""`fetch`: a batch's images on disk or in an archive, looked at where that is asked for."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from darkroom.cli.batchid import meant
from darkroom.cli.bringing import Fetched, fetched, prepare
from darkroom.cli.ending import CliError, Exit, status_of
from darkroom.cli.environment import read_environment
from darkroom.cli.options import dollars
from darkroom.cli.replies import Batch
from darkroom.cli.rerolling import made_anew
from darkroom.cli.session import Session, Visit, attend
from darkroom.cli.stack import Staff
from darkroom.cli.terminal import Terminal
from darkroom.cli.zipped import zipped
from darkroom.domain.layout import USUAL, Layout, LayoutInvalid

Archive = Annotated[Path | None, typer.Option("--zip", help="Write one ZIP archive instead.")]
Names = Annotated[str, typer.Option(help="Where each image goes: '{sku}/{variant}.{ext}'.")]
Check = Annotated[
    bool, typer.Option("--check", help="Name in checks.csv what deserves a second look.")
]
Reroll = Annotated[
    int, typer.Option(min=0, max=10, help="With --check: make these anew, up to so many times.")
]
RerollBudget = Annotated[
    str | None, typer.Option(help="With --reroll: the most that may cost, in US dollars.")
]
Mismatches = Annotated[
    bool, typer.Option("--accept-mismatch", help="Take images of another size or format, too.")
]


def fetch(
    batch: Annotated[str, typer.Argument(help="The batch's id, or its last digits.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the images go.", show_default=False)
    ] = None,
    *,
    archive: Archive = None,
    names: Names = USUAL,
    check: Check = False,
    reroll: Reroll = 0,
    budget: RerollBudget = None,
    accept_mismatch: Mismatches = False,
) -> None:
    """Download a batch's images.

    Example: darkroom fetch batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --out images

    With manifest.csv and, if anything failed, errors.csv. Images that are there already,
    byte for byte, are not downloaded again; a file that is not ours is kept as NAME.old.
    --check looks at each image once it is on disk: blank, of another size or format than asked, or
    nearly the same as another SKU's; `darkroom review --reject-from` takes that list. With --reroll 2
    --budget 5 what does not pass is rejected and made anew, twice at most and for $5 at most.
    --zip makes one archive of a batch that has ended; the same command goes on where it broke off.
    --names knows {custom_id}, {sku}, {variant}, {line}, {index} and, at its end, {ext}.
    The CSV files hold prompts as they are, also those that begin with = or @: open a list from
    strangers with that in mind.
    """
    terminal, layout, cap = Terminal(), _layout(names), dollars(budget)
    _require_sense(out, archive, check=check, paid=bool(reroll), cap=cap)
    if out:
        prepare(out)

    def work(session: Session) -> Exit:
        found = meant(session.client, batch)
        if archive:
            query = {"names": layout.source, "accept_mismatch": accept_mismatch}
            terminal.result(str(zipped(session, found, archive, query)))
            return status_of(found)
        assert out is not None

        def look() -> Fetched:
            how = {"accept_mismatch": accept_mismatch, "check": check}
            return fetched(session, found, out, layout=layout, **how)

        brought = _after_rerolls(
            session, terminal, found, look, times=reroll, budget=cap or Decimal(0)
        )
        for line in brought.notices():
            terminal.notice(line)
        terminal.result(str(brought))
        return brought.ending(status_of(found) if found.ended else Exit.MADE)

    staff = Staff.FULL if reroll else Staff.DESK
    visit = Visit(staff, leave=lambda _: "the same command goes on where it stopped")
    raise typer.Exit(attend(read_environment(), terminal, work, visit))


def _require_sense(
    out: Path | None, archive: Path | None, *, check: bool, paid: bool, cap: Decimal | None
) -> None:
    if (out is None) == (archive is None):
        raise CliError("name one place: --out DIR for files, or --zip FILE for an archive")
    if archive and check:
        raise CliError("--check looks at files: name --out DIR instead of --zip")
    if paid and not (check and cap):
        raise CliError("--reroll pays: add --check and --budget DOLLARS, the most it may cost")


def _layout(names: str) -> Layout:
    try:
        return Layout.parse(names)
    except LayoutInvalid as invalid:
        raise CliError(f"--names {names!r} cannot be used: {invalid}") from None


def _after_rerolls(
    session: Session,
    terminal: Terminal,
    batch: Batch,
    look: Callable[[], Fetched],
    *,
    times: int,
    budget: Decimal,
) -> Fetched:
    """What lies there once all pass the checks, or so many rounds or the budget are over."""
    brought = look()
    for _ in range(times):
        if not brought.doubtful or budget <= 0:
            break
        budget -= made_anew(session, terminal, batch, brought.doubtful, budget)
        brought = look()
    return brought
