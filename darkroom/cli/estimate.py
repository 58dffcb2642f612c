"""What a file would cost, and what is wrong with it; needs no stack and spends nothing."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from darkroom.cli import options
from darkroom.cli.ending import Exit
from darkroom.cli.environment import Environment, read_environment
from darkroom.cli.facts import models_today
from darkroom.cli.options import Drawing
from darkroom.cli.pictures import Pictures
from darkroom.cli.report import listed
from darkroom.cli.source import Source, opened
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import duration, money, plural, volume
from darkroom.sheets.lint import Verdict, lint


def estimate(
    file: options.File,
    *,
    model: options.Model = None,
    size: options.Size = None,
    quality: options.Quality = None,
    output_format: options.Format = None,
    n: options.Count = None,
    template: options.Template = None,
    provider: options.Provider = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell price and problems of a file.

    Example: darkroom estimate catalog.csv --template 'a {{ colour }} {{ title }}' --quality low

    Rows, problems, price, time and gigabytes; nothing is sent and nothing spent.
    Exit status: 0 every row can be used, 2 some cannot.
    """
    terminal, environment = Terminal(), read_environment()
    drawing = Drawing.of(
        model=model,
        size=size,
        quality=quality,
        output_format=output_format,
        n=n,
        template=template,
    )
    with opened(file) as source:
        pictures = Pictures(source.folder)
        look = drawing.look(source, pictures.judge)
        verdict = lint(look, models_today(environment, provider))
        seconds = fastest(environment, verdict)
        if json:
            terminal.json(_document(verdict, seconds))
        else:
            _print(terminal, source, verdict, seconds)
    raise typer.Exit(Exit.MADE if verdict.usable else Exit.REFUSED)


def fastest(environment: Environment, verdict: Verdict) -> float | None:
    """Seconds that the configured limits allow at best; None where none is configured."""
    calls, images = environment.requests_per_minute, environment.images_per_minute
    minutes = [verdict.good_rows / calls] if calls else []
    minutes += [verdict.images / images] if images else []
    return max(minutes) * 60 if minutes else None


def _document(verdict: Verdict, seconds: float | None) -> dict[str, Any]:
    return {
        "rows": verdict.rows,
        "bad_rows": verdict.bad_rows,
        "images": verdict.images,
        "expected": str(verdict.expected),
        "bound": str(verdict.bound),
        "currency": "usd",
        "seconds": seconds,
        "bytes": verdict.bytes,
        "problems": [asdict(one) for one in verdict.problems],
        "more_problems": verdict.more_problems,
    }


def _print(terminal: Terminal, source: Source, verdict: Verdict, seconds: float | None) -> None:
    for line in listed(source.name, verdict.problems, verdict.more_problems):
        terminal.notice(line)
    limits = "DARKROOM_IMAGES_PER_MINUTE or DARKROOM_REQUESTS_PER_MINUTE is not set"
    if verdict.refused:
        terminal.notice(f"{source.name} cannot be used")
        return
    bad = f", {verdict.bad_rows:,} of them cannot be used" if verdict.bad_rows else ""
    lines = {
        "rows": f"{verdict.rows:,}{bad}",
        "images": f"{verdict.images:,}",
        "price": f"about {money(verdict.expected)}, at most {money(verdict.bound)}",
        "time": f"unknown: {limits}" if seconds is None else f"{duration(seconds)} or more",
        "space": f"about {volume(verdict.bytes)}",
    }
    for word, value in lines.items():
        terminal.result(f"{word:8}{value}")
    if not verdict.usable:
        terminal.notice(f"{plural(len(verdict.problems) + verdict.more_problems, 'problem')} found")
