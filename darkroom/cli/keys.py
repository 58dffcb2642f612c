"""keys create, list, rotate, revoke: who may use the API."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from darkroom.cli.client import Client
from darkroom.cli.ending import CliError
from darkroom.cli.environment import read_environment
from darkroom.cli.hours import span
from darkroom.cli.options import Json
from darkroom.cli.replies import Key
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal

SCOPES = ("submit", "read")
_NAME_SHOWN = 20

Quiet = Annotated[bool, typer.Option("--quiet", help="Print the key and nothing else.")]

app = typer.Typer(no_args_is_help=True, help="Create, list, rotate and revoke API keys.")


@app.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="Who will use it.", show_default=False)],
    scope: Annotated[
        list[str] | None, typer.Option(help="submit, read or admin; several times for several.")
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Whose key it is: a project of darkroom.toml.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Refuse it after this long: 90d, 24h; without it, never.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a key; it is shown this once. Without --scope it may submit and read.

    Example: darkroom keys create --name night-shift --scope submit --expires 90d
    """
    terminal = Terminal()
    life = None if expires is None else span(expires, "--expires")

    def work(session: Session) -> Key:
        return session.client.create_key(name, scope or SCOPES, project, life)

    _show(terminal, attend(read_environment(), terminal, work), quiet=quiet, json=json)


def _show(terminal: Terminal, made: Key, *, quiet: bool, json: bool) -> None:
    """The secret of a key, this once."""
    if json:
        terminal.json(made.reply)
        return
    if not quiet:
        until = f", until {made.expires_at[:16]} UTC" if made.expires_at else ""
        scopes = ", ".join(made.scopes)
        terminal.notice(f"key {made.id} for {made.name} ({scopes}){until}, shown once:")
    terminal.result(made.secret or "")


@app.command("list")
def list_(*, json: Json = False) -> None:
    """List the keys: their beginnings, never the keys.

    Example: darkroom keys list
    """
    terminal = Terminal()
    found = attend(read_environment(), terminal, lambda session: session.client.keys())
    if json:
        terminal.json([one.reply for one in found])
        return
    rows = [
        [
            one.id,
            f"{one.name[:_NAME_SHOWN]} {one.prefix}…",
            ", ".join(one.scopes),
            (one.last_used_at or "never")[:10],
            _end(one, datetime.now(UTC)),
        ]
        for one in found
    ]
    columns = ["id", "name", "scopes", "used", "ends"]
    terminal.table(columns, rows, folded={"name", "scopes"})


def _end(key: Key, now: datetime) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at is None:
        return "-"
    over = datetime.fromisoformat(key.expires_at) <= now
    return "expired" if over else key.expires_at[:10]


@app.command()
def rotate(
    key: Annotated[str, typer.Argument(help="The key's id.")],
    *,
    grace: Annotated[
        str, typer.Option(help="For how long the old secret is good as well; 0m: it ends now.")
    ] = "24h",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Give a key a new secret, shown this once; the old one stays good for a grace.

    Example: darkroom keys rotate key_019ab2c34d5e7f00a1b2c3d4e5f60718 --grace 24h

    Its name, scopes and expiry stay. Browsers that it signed in must sign in again.
    """
    terminal = Terminal()
    length = span(grace, "--grace")

    def work(session: Session) -> Key:
        _require_other(session.client, key, "rotate")
        return session.client.rotate_key(key, length)

    _show(terminal, attend(read_environment(), terminal, work), quiet=quiet, json=json)


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's id.")]) -> None:
    """End a key at once.

    Example: darkroom keys revoke key_019ab2c34d5e7f00a1b2c3d4e5f60718

    The key that this command itself uses is not revoked: nobody would be left to make another.
    """
    terminal = Terminal()

    def work(session: Session) -> None:
        _require_other(session.client, key, "revoke")
        session.client.revoke_key(key)

    attend(read_environment(), terminal, work)
    terminal.result(f"{key} is revoked")


def _require_other(client: Client, key: str, verb: str) -> None:
    """Raises CliError if this is the key that we speak with ourselves."""
    own = {one.id: one for one in client.keys() if client.holds(one.prefix)}.get(key)  # noqa: SIM118 - no dict
    if own is not None:
        raise CliError(
            f"{key} ({own.name}, {own.prefix}…) is the key that this command itself uses; it would lock "
            f"you out. Set DARKROOM_API_URL and DARKROOM_API_KEY to another admin key, then {verb} this one"
        )
