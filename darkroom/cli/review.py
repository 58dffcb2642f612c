"""`review` and `promote`: drafts are approved or rejected, and the approved drawn better."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from darkroom.cli.batchid import meant
from darkroom.cli.caller import command
from darkroom.cli.control import BatchId
from darkroom.cli.ending import CliError
from darkroom.cli.environment import read_environment
from darkroom.cli.options import Budget, Json, Name, Quality, Size, dollars
from darkroom.cli.replies import Batch, Offer, Review
from darkroom.cli.rerolling import NAMED_AT_ONCE
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import duration, money, plural, spread

Ids = Annotated[list[str] | None, typer.Option(help="custom_ids, with commas between.")]
FromFile = Annotated[
    Path | None, typer.Option(help="A custom_id a line, or a CSV with a column custom_id.")
]


def review(
    batch: BatchId,
    *,
    approve: Ids = None,
    approve_from: FromFile = None,
    reject: Ids = None,
    reject_from: FromFile = None,
    rest: Annotated[
        str | None, typer.Option("--rest", help="approve or reject what nobody has judged yet.")
    ] = None,
    match: Annotated[
        str, typer.Option(help="--rest only where the custom_id fits: 'shoe-*', 'cat-??'.")
    ] = "*",
    besides: Annotated[
        list[str] | None, typer.Option("--except", help="--rest leaves these out.")
    ] = None,
    json: Json = False,
) -> None:
    """Approve and reject images, or tell how they stand.

    Example: darkroom review batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --reject sku-7,sku-9 --rest approve

    Without options it tells how many are judged. A word about a custom_id replaces an earlier one; --rest says
    nothing of what was judged by name. What is approved can be drawn better with `promote`. A rejected draft is
    never promoted, and a final of it that waits for its call is called off.
    """
    if rest not in (None, "approve", "reject"):
        raise CliError(f"--rest {rest!r} cannot be used; write approve or reject")
    terminal = Terminal()
    named = {"reject": _names(reject, reject_from), "approve": _names(approve, approve_from)}
    bodies = [*_bodies(named)]
    if rest:
        bodies.append({rest: {"match": match, "except": _split(besides)}})

    def work(session: Session) -> Review:
        found = meant(session.client, batch)
        told = [session.client.review(found.id, body) for body in bodies]
        return told[-1] if told else Review.standing(found)

    said = attend(read_environment(), terminal, work)
    if json:
        terminal.json(said.reply)
        return
    terminal.result(
        f"{said.approved:,} approved, {said.rejected:,} rejected, {said.undecided:,} undecided"
    )
    if said.approved:
        terminal.notice(f"next: {command('promote', said.batch_id, '--quality', 'high')}")


def _split(words: Sequence[str] | None) -> list[str]:
    return [one.strip() for word in words or () for one in word.split(",") if one.strip()]


def _names(given: Sequence[str] | None, path: Path | None) -> list[str]:
    return [*_split(given), *(_read(path) if path else ())]


def _read(path: Path) -> list[str]:
    """The custom_ids of a list: of a CSV those in its column of this name, else a line each."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if "custom_id" in header:
            place = header.index("custom_id")
            return list(dict.fromkeys(row[place] for row in rows if len(row) > place))
        file.seek(0)
        return [line.strip().lstrip("\ufeff") for line in file if line.strip()]


def _bodies(named: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    return [
        {word: list(names[start : start + NAMED_AT_ONCE])}
        for word, names in named.items()
        for start in range(0, len(names), NAMED_AT_ONCE)
    ]


def promote(
    batch: BatchId,
    *,
    quality: Quality = None,
    size: Size = None,
    reference: Annotated[
        bool, typer.Option("--reference", help="Draw each with its draft as the first picture.")
    ] = False,
    budget: Budget = None,
    name: Name = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell the price and make nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Draw what was approved better; prints the new batch's id.

    Example: darkroom promote batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --quality high --budget 20

    Each draft is promoted once to the same quality, size and reference: the same command again makes what
    was approved since.
    """
    if quality is None and size is None:
        raise CliError("name what becomes better: --quality medium or high, --size WIDTHxHEIGHT")
    amount, terminal = dollars(budget), Terminal()
    target = {"quality": quality, "size": size, "reference": reference}
    more = {"budget": None if amount is None else str(amount), "name": name}

    def work(session: Session) -> tuple[Offer, Batch | None]:
        found = meant(session.client, batch)
        offer = session.client.promotion(found.id, target)
        if not json or not dry_run:
            terminal.notice(_priced(offer))
        if dry_run:
            return offer, None
        return offer, session.client.promote(found.id, {**target, **more})

    offer, made = attend(read_environment(), terminal, work)
    if json:
        terminal.json(made.reply if made else offer.reply)
    elif made:
        terminal.notice(command("watch", made.id))
        terminal.result(made.id)


def _priced(offer: Offer) -> str:
    time = "" if offer.seconds is None else f", {duration(offer.seconds)} or more"
    price = f"{spread(offer.low, offer.high)}, at most {money(offer.bound)}"
    bad = f"; {plural(offer.problems, 'draft')} cannot be drawn so" if offer.problems else ""
    return f"{plural(offer.calls, 'final')}: {price}{time}{bad}"
