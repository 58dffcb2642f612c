"""keys create, list, revoke: who may use the API."""

from typing import Annotated

import typer

from darkroom.cli.ending import CliError
from darkroom.cli.environment import read_environment
from darkroom.cli.options import Json
from darkroom.cli.replies import Key
from darkroom.cli.session import Session, attend
from darkroom.cli.terminal import Terminal

SCOPES = ("submit", "read")
_NAME_SHOWN = 20

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")


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
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the key and nothing else.")] = False,
    json: Json = False,
) -> None:
    """Make a key; it is shown this once. Without --scope it may submit and read.

    Example: darkroom keys create --name night-shift --scope submit --scope read
    """
    terminal = Terminal()

    def work(session: Session) -> Key:
        return session.client.create_key(name, scope or SCOPES, project)

    made = attend(read_environment(), terminal, work)
    if json:
        terminal.json(made.reply)
        return
    if not quiet:
        terminal.notice(f"key {made.id} for {made.name} ({', '.join(made.scopes)}), shown once:")
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
            "revoked" if one.revoked_at else (one.last_used_at or "never")[:10],
        ]
        for one in found
    ]
    terminal.table(["id", "name", "scopes", "used"], rows, folded={"name", "scopes"})


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's id.")]) -> None:
    """End a key at once.

    Example: darkroom keys revoke key_019ab2c34d5e7f00a1b2c3d4e5f60718

    The key that this command itself uses is not revoked: nobody would be left to make another.
    """
    terminal = Terminal()

    def work(session: Session) -> None:
        client = session.client
        own = {one.id: one for one in client.keys() if client.holds(one.prefix)}.get(key)  # noqa: SIM118 - no dict
        if own is not None:
            raise CliError(
                f"{key} ({own.name}, {own.prefix}…) is the key that this command itself uses; it would lock "
                "you out. Set DARKROOM_API_URL and DARKROOM_API_KEY to another admin key, then revoke this one"
            )
        client.revoke_key(key)

    attend(read_environment(), terminal, work)
    terminal.result(f"{key} is revoked")
