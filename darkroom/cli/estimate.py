"""What a file would cost, and what is wrong with it; needs no stack and spends nothing."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import StringIO
from typing import Annotated, Any

import typer

from darkroom.cli import options
from darkroom.cli.ending import Exit
from darkroom.cli.environment import read_environment
from darkroom.cli.facts import models_today
from darkroom.cli.options import Drawing
from darkroom.cli.pictures import Pictures, lookout_of
from darkroom.cli.report import doubts, listed
from darkroom.cli.source import Source, opened
from darkroom.cli.terminal import Terminal
from darkroom.domain.batchfile import Draft
from darkroom.domain.estimate import DAYS, price_of
from darkroom.domain.figures import duration, money, plural, spread, volume
from darkroom.sheets.lint import Verdict, Watch, lint

COLUMNS = ("line", "custom_id", "images", "low", "high", "bound")

RowPrice = tuple[int, str, int, str, str, str]
Say = Callable[[str], None]


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
    rows: Annotated[
        bool, typer.Option("--rows", help="Tell the price of every row, as CSV.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell price and problems of a file.

    Example: darkroom estimate catalog.csv --template 'a {{ colour }} {{ title }}' --quality low

    Rows, problems, price, time and gigabytes; nothing is sent and nothing spent. Where `auto` or the model
    leaves the price open, it is told from and to; "at most" is what would be reserved of a budget.
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
    prices: list[RowPrice] | None = [] if rows else None
    with opened(file) as source:
        models = models_today(environment, provider)
        pictures = Pictures(source.folder, lookout_of(environment))
        verdict = lint(drawing.look(source, pictures.judge), models, _noted_in(prices))
        seconds = verdict.price.seconds(models.limits)
        if json:
            terminal.json(_document(verdict, seconds, prices))
        else:
            _print_rows(terminal, prices)
            say = terminal.result if prices is None else terminal.notice
            _print(terminal, source, verdict, seconds, say)
    raise typer.Exit(Exit.MADE if verdict.usable else Exit.REFUSED)


def _noted_in(prices: list[RowPrice] | None) -> Watch | None:
    if prices is None:
        return None

    def note(draft: Draft) -> None:
        price, images = price_of(draft.priced), draft.priced.terms.asked.n
        amounts = (str(price.low), str(price.high), str(price.bound))
        prices.append((draft.line, draft.custom_id, images, *amounts))

    return note


def _print_rows(terminal: Terminal, prices: Sequence[RowPrice] | None) -> None:
    for row in [COLUMNS, *prices] if prices is not None else ():
        text = StringIO()
        csv.writer(text, lineterminator="").writerow(row)
        terminal.result(text.getvalue())


def _document(
    verdict: Verdict, seconds: float | None, prices: Sequence[RowPrice] | None
) -> dict[str, Any]:
    low, high = verdict.price.monthly()
    document = {
        "rows": verdict.rows,
        "bad_rows": verdict.bad_rows,
        "images": verdict.price.images,
        "low": str(verdict.price.low),
        "high": str(verdict.price.high),
        "expected": str(verdict.price.expected),
        "bound": str(verdict.price.bound),
        "monthly": {"days": DAYS, "low": str(low), "high": str(high)},
        "currency": "usd",
        "seconds": seconds,
        "bytes": verdict.price.bytes,
        "problems": [asdict(one) for one in verdict.problems],
        "more_problems": verdict.more_problems,
        "notices": [*verdict.notices],
    }
    if prices is None:
        return document
    return {**document, "prices": [dict(zip(COLUMNS, row, strict=True)) for row in prices]}


def _print(
    terminal: Terminal, source: Source, verdict: Verdict, seconds: float | None, say: Say
) -> None:
    for line in listed(source.name, verdict.problems, verdict.more_problems):
        terminal.notice(line)
    if verdict.refused:
        terminal.notice(f"{source.name} cannot be used")
        return
    for line in doubts(source.name, verdict):
        terminal.notice(line)
    for word, value in _lines(verdict, seconds).items():
        say(f"{word:8}{value}")
    if not verdict.usable:
        terminal.notice(f"{plural(len(verdict.problems) + verdict.more_problems, 'problem')} found")


def _lines(verdict: Verdict, seconds: float | None) -> dict[str, str]:
    bad = f", {verdict.bad_rows:,} of them cannot be used" if verdict.bad_rows else ""
    price = verdict.price
    return {
        "rows": f"{verdict.rows:,}{bad}",
        "images": f"{price.images:,}",
        "price": f"{spread(price.low, price.high)}, at most {money(price.bound)}",
        "month": f"{spread(*price.monthly())}, if it is run every day",
        "time": "unknown: no such provider is set up here" if seconds is None else _time(seconds),
        "space": f"about {volume(price.bytes)}",
    }


def _time(seconds: float) -> str:
    return f"about {duration(seconds)}, at the limits that are set and usual latencies"
