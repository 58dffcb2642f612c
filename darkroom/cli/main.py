"""The `darkroom` command: its subcommands, and what every error becomes."""

import os
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from darkroom.cli.caller import NAME, command
from darkroom.cli.ending import CliError, Exit
from darkroom.domain.legible import harmless
from darkroom.local.errors import LocalError, StackFailed, StackInterrupted

HELP = """A queue for very many image generations: a prompt list in, images on disk.

Settings come from the environment and darkroom.toml: OPENAI_API_KEY (without one the sandbox draws),
OPENAI_BASE_URL, DARKROOM_HOME (default .darkroom) and others; DARKROOM_API_URL with DARKROOM_API_KEY
uses an API elsewhere.

Exit status: 0 all images made, 1 finished with failures, 2 wrong usage or refused before spending,
3 stopped or waiting for a person, 70 a bug of ours.
"""
LOG = "darkroom.log"

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "up": "up:up",
        "run": "run:run",
        "submit": "submit:submit",
        "status": "show:status",
        "report": "morning:report",
        "watch": "watch:watch",
        "fetch": "fetch:fetch",
        "cancel": "control:cancel",
        "pause": "control:pause",
        "resume": "control:resume",
        "priority": "control:priority",
        "retry": "control:retry",
        "settle": "settle:settle",
        "review": "review:review",
        "promote": "review:promote",
        "sheet": "sheet:sheet",
        "estimate": "estimate:estimate",
        "providers": "providers:providers",
        "doctor": "doctor:doctor",
        "gc": "gc:gc",
        "catalog": "catalog:app",
        "keys": "keys:app",
    }
)
"""Where each command stands, in the order of the help; it is read when it is typed."""


def build_app(wanted: str | None = None) -> typer.Typer:
    """The command line with all its commands, or with the one that is wanted: the others need not be read."""
    app = typer.Typer(
        name=NAME,
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_before_a_command)
    for name in COMMANDS if wanted not in COMMANDS else (wanted,):
        _add(app, str(name))
    return app


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if wanted:
        typer.echo(f"{NAME} {version(NAME)}")
        raise typer.Exit


def _before_a_command(
    *,
    asked_for_version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Without a callback, typer takes an only command for the whole program."""


def _add(app: typer.Typer, name: str) -> None:
    room, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(f"darkroom.cli.{room}"), attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)


def ended(arguments: Sequence[str]) -> int:
    """The exit status of a command; what went wrong is told on stderr, in one line."""
    try:
        status = build_app(next(iter(arguments), None))(
            list(arguments), prog_name=NAME, standalone_mode=False
        )
        sys.stdout.flush()
        return int(status or Exit.MADE)
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not error.code:  # a shell has asked for completions
            return Exit.MADE
        # Nobody reads any more (typer and rich say so by an exit of their own); and the interpreter
        # shall not complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.STOPPED
    except BaseException as error:  # noqa: BLE001 - the outermost border: everything ends as one line
        if os.environ.get("DARKROOM_DEBUG") == "1":
            traceback.print_exc()
        message, status = told(error)
        print(harmless(f"darkroom: {message}"), file=sys.stderr)
        return status


def told(error: BaseException) -> tuple[str, Exit]:
    """An error as one line, and the exit status it means."""
    match error:
        case CliError():
            return str(error), error.status
        case typer.TyperException():
            return f"{error.format_message()} (see {_help_about(error)})", Exit.REFUSED
        case KeyboardInterrupt() | typer.Abort():
            return "interrupted", Exit.STOPPED
        case LocalError():
            interrupted = isinstance(error, StackInterrupted)
            return _on_one_line(error), Exit.STOPPED if interrupted else Exit.REFUSED
        case PermissionError() | FileNotFoundError() | IsADirectoryError():
            return (
                f"{error.filename}: {error.strerror}; check the path and its rights",
                Exit.REFUSED,
            )
        case _:
            return _unexpected(error), Exit.BUG


def _help_about(error: typer.TyperException) -> str:
    """The help of the command that was typed, as far as it is one."""
    context = getattr(error, "ctx", None)
    words = context.command_path.split()[1:] if context else ()
    return command(*words, "--help")


def _on_one_line(error: LocalError) -> str:
    """Of a log that it quotes, the last line."""
    said = str(error)
    if isinstance(error, StackFailed) and error.tail:
        said = said.replace(error.tail, error.tail.splitlines()[-1].strip())
    return " ".join(said.split())


def _unexpected(error: BaseException) -> str:
    descriptor, log = _log()
    with open(descriptor, "a", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        file.write(f"{datetime.now(UTC).isoformat()} {sys.argv[1:2]}\n")
        traceback.print_exception(error, file=file)
    kind = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"a bug of ours, {kind}; the whole story is in {log}, or with DARKROOM_DEBUG=1"


def _log() -> tuple[int, Path]:
    """Where the story of a bug goes: the home's log if there is a home, else a file nobody could foresee."""
    home = Path(os.environ.get("DARKROOM_HOME") or ".darkroom").absolute()
    path = home / "log" / LOG
    try:
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
        return os.open(path, flags, 0o600), path
    except OSError:
        descriptor, name = tempfile.mkstemp(prefix="darkroom-", suffix=".log")
        return descriptor, Path(name)
