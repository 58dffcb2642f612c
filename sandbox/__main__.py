"""`python -m sandbox --port 9100`: the sandbox as a process of its own."""

import argparse
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sandbox.faults import FAULTS
from sandbox.journal import Journal
from sandbox.server import create_server
from sandbox.settings import Settings, read_settings
from sandbox.world import World

_LIMITS = (
    "requests_per_minute",
    "images_per_minute",
    "tokens_per_minute",
    "input_images_per_minute",
    "max_in_flight",
    "canned_bytes",
    "seed",
)


def main() -> None:
    """Read the options, then serve until a signal comes."""
    options = _parser().parse_args()
    settings = _settings(options)
    with Journal(options.ledger) as journal:
        world = World.create(settings, journal)
        create_server(world, options.host, options.port).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="An OpenAI-like image server.",
        epilog=_markers(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--ledger", type=_file_to_be, metavar="FILE", help="keep the ledger as JSONL"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    parser.add_argument("--api-key", metavar="KEY", help="the only key that is accepted")
    parser.add_argument("--latency", type=seconds, metavar="SECONDS", help="0.5, or a range 0.5-2")
    parser.add_argument("--window-seconds", type=float, metavar="S")
    for name in _LIMITS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N")
    return parser


def _markers() -> str:
    """What a prompt can ask for, as the help tells it."""
    faults = textwrap.fill(", ".join(FAULTS), 78, initial_indent="  ", subsequent_indent="  ")
    return f"""A prompt can ask for trouble by a marker in it:
  [[fault:NAME]]        every call of this prompt meets it
  [[fault:NAME=30*2]]   the first 2 calls meet it, with the value 30 (seconds)
  [[latency:2.5]]       the call takes so many seconds
  [[hold:GATE]]         the call waits until the gate is opened over HTTP
faults:
{faults}"""


def seconds(text: str) -> float | tuple[float, float]:
    """Seconds, fixed or as a range.

    >>> seconds("0.5"), seconds("0.5-2")
    (0.5, (0.5, 2.0))
    """
    low, dash, high = text.partition("-")
    return (float(low), float(high)) if dash else float(low)


def _file_to_be(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file in an existing directory")
    return path


def _settings(options: argparse.Namespace) -> Settings:
    """File and options together; ends the process with status 2 if they are unusable."""
    given: dict[str, Any] = {
        name: getattr(options, name)
        for name in Settings.model_fields
        if getattr(options, name, None) is not None
    }
    try:
        return read_settings(options.config, given)
    except (ValidationError, OSError, tomllib.TOMLDecodeError) as error:
        sys.stderr.write(f"sandbox: {options.config or 'options'}: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
