"""The hours in which a batch may make calls: `22:00-06:00` in a time zone, night after night."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_CLOCK = r"((?:[01][0-9]|2[0-3]):[0-5][0-9])"
_HOURS = re.compile(f"{_CLOCK}-{_CLOCK}")
_DAY = timedelta(days=1)


class WindowInvalid(ValueError):  # noqa: N818 - named for what it is
    """That is no window; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One time at which a window is open: from `opens` until just before `closes`, in UTC."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """From one time of day until another, on the clocks of a zone; over midnight where the end is not later."""

    start: time
    end: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, hours: str, zone: str) -> "Window":
        """The window that these words mean.

        Raises:
            WindowInvalid: They mean none.

        >>> str(Window.parse("22:00-06:00", "Europe/Berlin"))
        '22:00-06:00 Europe/Berlin'
        >>> Window.parse("22-6", "UTC")
        Traceback (most recent call last):
        darkroom.domain.window.WindowInvalid: '22-6' is no window; write 22:00-06:00
        """
        found = _HOURS.fullmatch(hours)
        if found is None:
            raise WindowInvalid(f"{hours!r} is no window; write 22:00-06:00")
        start, end = (time.fromisoformat(clock) for clock in found.groups())
        if start == end:
            raise WindowInvalid(f"{hours!r} is all day long or never; leave the window out")
        return cls(start, end, zone_of(zone))

    def __str__(self) -> str:
        return f"{self.hours} {self.zone.key}"

    @property
    def hours(self) -> str:
        """The times of day, as they are written."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def opening(self, moment: datetime) -> Opening:
        """The opening that this moment is in, or else the next.

        In the night in which clocks are put forward it may be an hour shorter, in the other an hour longer:
        it is the clock on the wall that counts.

        >>> berlin = Window.parse("22:00-06:00", "Europe/Berlin")
        >>> found = berlin.opening(datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
        >>> found.opens.isoformat(), found.closes.isoformat()
        ('2026-03-28T21:00:00+00:00', '2026-03-29T04:00:00+00:00')
        """
        return next(one for one in self._openings(moment) if one.closes > moment)

    def seconds(self, begins: datetime, ends: datetime) -> float:
        """How long it is open between two moments.

        >>> Window.parse("22:00-06:00", "UTC").seconds(
        ...     datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)
        ... ) / 3600
        16.0
        """
        total = 0.0
        for one in self._openings(begins):
            if one.opens >= ends:
                break
            span = min(one.closes, ends) - max(one.opens, begins)
            total += max(span.total_seconds(), 0.0)
        return total

    def _openings(self, moment: datetime) -> Iterator[Opening]:
        """Those of the day before, of the day itself and of each that follows, but for empty ones."""
        day = moment.astimezone(self.zone).date() - _DAY
        while True:
            last = day if self.end > self.start else day + _DAY
            opens = wall(datetime.combine(day, self.start), self.zone)
            closes = wall(datetime.combine(last, self.end), self.zone)
            if closes > opens:
                yield Opening(opens, closes)
            day += _DAY


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name.

    Raises:
        WindowInvalid: There is none.

    >>> zone_of("Middle/Earth")
    Traceback (most recent call last):
    darkroom.domain.window.WindowInvalid: 'Middle/Earth' is no time zone; write one such as Europe/Berlin or UTC
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # of a name that is a path, a directory, or unknown
        fix = "write one such as Europe/Berlin or UTC"
        raise WindowInvalid(f"{name!r} is no time zone; {fix}") from None


def wall(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone show this time, for the first time if they do so twice.

    A time that they jump over is read with the offset of before the jump.
    https://datatracker.ietf.org/doc/html/rfc5545#section-3.3.5

    >>> wall(datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()  # noqa: DTZ001
    '2026-03-29T01:30:00+00:00'
    >>> wall(datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()  # noqa: DTZ001
    '2026-10-25T00:30:00+00:00'
    """
    return local.replace(tzinfo=zone).astimezone(UTC)


def next_moment(clock: time, zone: ZoneInfo, now: datetime) -> datetime:
    """When the clocks of a zone show this time of day next.

    >>> next_moment(time(6), ZoneInfo("Europe/Berlin"), datetime(2026, 11, 22, 22, tzinfo=UTC)).isoformat()
    '2026-11-23T05:00:00+00:00'
    """
    today = now.astimezone(zone).date()
    days = (today + _DAY * n for n in range(2))
    return next(
        moment for day in days if (moment := wall(datetime.combine(day, clock), zone)) > now
    )
