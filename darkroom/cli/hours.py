"""Times of day from the command line: windows, deadlines, and the zone they are meant in."""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from darkroom.cli.ending import CliError
from darkroom.domain.window import Window, WindowInvalid, next_moment, zone_of

_LOCALTIME = Path("/etc/localtime")
_SPAN = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"\d\d:\d\d")


def local_zone(environ: Mapping[str, str] = os.environ, link: Path = _LOCALTIME) -> ZoneInfo:
    """This machine's time zone; UTC where it does not say.

    >>> local_zone({"TZ": "Asia/Tokyo"}).key
    'Asia/Tokyo'
    """
    _, _, linked = str(link.resolve()).partition("zoneinfo/")
    for name in (environ.get("TZ", "").removeprefix(":"), linked):
        try:
            return zone_of(name)
        except WindowInvalid:
            continue
    return ZoneInfo("UTC")


def zone(name: str | None) -> ZoneInfo:
    """The time zone from an option; this machine's if there is none.

    Raises:
        CliError: there is no such zone.
    """
    if name is None:
        return local_zone()
    try:
        return zone_of(name)
    except WindowInvalid as invalid:
        raise CliError(f"--timezone {invalid}") from None


def window(text: str | None, where: ZoneInfo) -> Window | None:
    """A window from an option.

    Raises:
        CliError: it is none.
    """
    if text is None:
        return None
    try:
        return Window.parse(text, where.key)
    except WindowInvalid as invalid:
        raise CliError(f"--window {invalid}") from None


def span(text: str, option: str) -> timedelta:
    """A length of time from an option.

    Raises:
        CliError: it is none.

    >>> span("90d", "--expires")
    datetime.timedelta(days=90)
    """
    read = _SPAN.fullmatch(text)
    try:
        if read:
            return timedelta(**{_UNITS[read[2]]: int(read[1])})
    except OverflowError:
        raise CliError(f"{option} {text} is beyond all calendars; write less") from None
    raise CliError(f"{option} {text!r} is no length of time; write 30m, 24h or 90d")


def moment(text: str | None, now: datetime, where: ZoneInfo) -> datetime | None:
    """A deadline from an option: a time of day, a moment (in this zone, if it names none), or a span from now.

    Raises:
        CliError: it is none of these, or over already.

    >>> now = datetime(2026, 11, 22, 22, tzinfo=UTC)
    >>> moment("8h", now, ZoneInfo("UTC")) == moment("07:00", now, ZoneInfo("Europe/Berlin"))
    True
    """
    if text is None:
        return None
    if _SPAN.fullmatch(text):
        return _ahead(text, now, span(text, "--deadline"))
    try:
        if _CLOCK.fullmatch(text):
            return next_moment(time.fromisoformat(text), where, now)
        read = datetime.fromisoformat(text)
        deadline = (read if read.tzinfo else read.replace(tzinfo=where)).astimezone(UTC)
    except (ValueError, OverflowError):
        fix = "write 06:00, 2026-11-23T06:00, or a span such as 8h"
        raise CliError(f"--deadline {text!r} is no time; {fix}") from None
    if deadline <= now:
        raise CliError(f"--deadline {text} is over already; name a later time")
    return deadline


def _ahead(text: str, now: datetime, length: timedelta) -> datetime:
    try:
        return now + length
    except OverflowError:
        raise CliError(f"--deadline {text} is beyond all calendars; write less") from None
