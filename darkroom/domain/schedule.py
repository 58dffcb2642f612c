"""When a catalog's nights begin by themselves, and what becomes of one that comes late."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum, auto
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from darkroom.domain.window import WindowInvalid, next_moment, zone_of

LATE = timedelta(minutes=15)
"""What begins later than this was missed: nothing was there to begin it."""

_FIELDS = 5
_CLOCK = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")


class ScheduleInvalid(ValueError):  # noqa: N818 - named for what it is
    """That is no schedule; the message says what to write."""


class Missed(StrEnum):
    """What becomes of a night whose time came while no stack was running."""

    RUN = auto()
    """It begins as soon as one is, unless its deadline is over; several are one."""
    SKIP = auto()
    """It is left out."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A night that is to begin now, and when it must be over."""

    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a catalog's nights begin, on the clocks of a zone; `deadline` is the time of day that ends them."""

    cron: str
    zone: ZoneInfo
    deadline: time | None = None
    missed: Missed = Missed.RUN

    @classmethod
    def parse(cls, cron: str, zone: str, deadline: str | None, missed: Missed) -> "Schedule":
        """The schedule that these words mean.

        Raises:
            ScheduleInvalid: They mean none.

        >>> Schedule.parse("0 22 * * *", "UTC", "6", Missed.RUN)
        Traceback (most recent call last):
        darkroom.domain.schedule.ScheduleInvalid: '6' is no time of day; write 06:00
        """
        fix = "write minute, hour, day, month and weekday, such as 0 22 * * *"
        if len(cron.split()) != _FIELDS:
            raise ScheduleInvalid(f"{cron!r} is no schedule; {fix}")
        try:
            made = cls(" ".join(cron.split()), zone_of(zone), _clock(deadline), missed)
            made.after(datetime(2026, 1, 1, tzinfo=UTC))
        except (CronSimError, StopIteration):
            raise ScheduleInvalid(f"{cron!r} never comes; {fix}") from None
        except WindowInvalid as invalid:
            raise ScheduleInvalid(str(invalid)) from None
        return made

    def after(self, moment: datetime) -> datetime:
        """The next time behind this moment, in UTC.

        A time of day that the clocks jump over is the moment of the jump; of one that they show twice it is
        the first.

        >>> nightly = Schedule.parse("30 2 * * *", "Europe/Berlin", None, Missed.RUN)
        >>> nightly.after(datetime(2026, 3, 28, 12, tzinfo=UTC)).isoformat()
        '2026-03-29T01:00:00+00:00'
        >>> nightly.after(datetime(2026, 10, 24, 12, tzinfo=UTC)).isoformat()
        '2026-10-25T00:30:00+00:00'
        """
        return next(CronSim(self.cron, moment.astimezone(self.zone))).astimezone(UTC)

    def turn(self, due_at: datetime, now: datetime) -> Turn | str:
        """What becomes of the night that was due: it begins, or why it is left out.

        >>> nightly = Schedule.parse("0 22 * * *", "UTC", "06:00", Missed.RUN)
        >>> due = datetime(2026, 11, 22, 22, tzinfo=UTC)
        >>> nightly.turn(due, due + timedelta(hours=3)).deadline.isoformat()
        '2026-11-23T06:00:00+00:00'
        >>> nightly.turn(due, due + timedelta(hours=9))
        'missed: nothing was running at 11-22 22:00 UTC, and its deadline is over'
        """
        over = next_moment(self.deadline, self.zone, due_at) if self.deadline else None
        local = due_at.astimezone(self.zone)
        missed = f"missed: nothing was running at {local:%m-%d %H:%M} {self.zone.key}"
        if over and over <= now:
            return f"{missed}, and its deadline is over"
        if self.missed is Missed.SKIP and now - due_at > LATE:
            return missed
        return Turn(over)


def _clock(text: str | None) -> time | None:
    if text is None:
        return None
    if not _CLOCK.fullmatch(text):
        raise ScheduleInvalid(f"{text!r} is no time of day; write 06:00")
    return time.fromisoformat(text)
