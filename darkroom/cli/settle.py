"""`settle`: what the provider's invoice says of calls whose outcome nobody knows."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from darkroom.cli.batchid import meant
from darkroom.cli.client import Client
from darkroom.cli.ending import CliError
from darkroom.cli.environment import read_environment
from darkroom.cli.invoice import Invoice
from darkroom.cli.options import Json
from darkroom.cli.refused import Faulty
from darkroom.cli.replies import Settled, Settlement
from darkroom.cli.session import Session, attend
from darkroom.cli.source import opened
from darkroom.cli.summary import unknowns
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import money, plural
from darkroom.domain.invoice import Verdict

PAGE = 1000
_KEY_SHOWN = 14


def settle(
    batch: Annotated[str, typer.Argument(help="The batch's id, or its last digits.")],
    *,
    unknown: Annotated[
        Verdict | None,
        typer.Option(help="What the invoice says of every call of unknown outcome."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A table: custom_id or request_id, outcome (billed or unbilled), cost if known.",
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Who said what, and when.")] = False,
    json: Json = False,
) -> None:
    """Settle calls of unknown outcome by the provider's invoice.

    Example: darkroom settle batch_019ab2c34d5e7f00a1b2c3d4e5f60718 --unknown unbilled

    What was billed is spent, at its cost or at what was reserved for it; what was not is free
    again. Each call is settled once, and who did it is kept. No job is moved by it.
    """
    if [unknown, from_, list_ or None].count(None) != len(("unknown", "from")):
        raise CliError("say one thing: --unknown billed|unbilled, --from FILE, or --list")
    terminal = Terminal()
    if list_:
        _list(terminal, batch, json=json)
    elif from_ is not None:
        _settle_from(terminal, batch, from_, json=json)
    else:
        _told(terminal, _settled(batch, {"outcome": unknown}), json=json)


def _settled(batch: str, body: Mapping[str, Any]) -> Settled:
    def work(session: Session) -> Settled:
        found = meant(session.client, batch)
        return session.client.tell(f"/batches/{found.id}/settle", body, Settled.of)

    return attend(read_environment(), Terminal(), work)


def _settle_from(terminal: Terminal, batch: str, file: str, *, json: bool) -> None:
    """All lines or none: what is wrong is said with the line and the column in which it stands."""
    with opened(file) as source:
        invoice = Invoice.of(source)
    invoice.require_good(terminal)
    try:
        done = _settled(batch, {"lines": invoice.lines})
    except Faulty as faulty:
        raise invoice.refused(terminal, faulty) from None
    _told(terminal, done, json=json)


def _told(terminal: Terminal, done: Settled, *, json: bool) -> None:
    if json:
        terminal.json(done.reply)
        return
    before = f"{plural(done.before, 'call')} had been settled before; nothing changes there"
    if done.settled:
        freed = (
            f"{money(done.freed)} free again" if done.freed >= 0 else f"{money(-done.freed)} more"
        )
        terminal.result(
            f"{plural(done.settled, 'call')} settled: {money(done.spent)} spent, {freed}"
        )
    elif not done.before:
        terminal.result("nothing to settle: there is no call of unknown outcome")
    if done.before:
        terminal.result(before if done.settled else f"nothing to settle: {before}")
    if left := unknowns(done.batch):
        terminal.notice(left)


def _list(terminal: Terminal, batch: str, *, json: bool) -> None:
    found = attend(
        read_environment(),
        terminal,
        lambda session: _settlements(session.client, meant(session.client, batch).id),
    )
    if json:
        terminal.json([one.reply for one in found])
        return
    if not found:
        terminal.notice("nobody has settled a call of this batch yet")
        return
    rows = [
        [
            f"{one.created_at.astimezone():%m-%d %H:%M}",
            (one.key_name or "")[:_KEY_SHOWN],
            one.custom_id,
            one.outcome,
            money(one.cost),
            "" if one.state == "unknown" else f"found out since: {one.state.replace('_', ' ')}",
        ]
        for one in found
    ]
    columns = ["when", "by", "row", "outcome", "cost", "today"]
    terminal.table(columns, rows, folded={"row", "by", "today"})


def _settlements(client: Client, batch_id: str) -> list[Settlement]:
    return list(client.all(f"/batches/{batch_id}/settlements", Settlement.of, limit=PAGE))
