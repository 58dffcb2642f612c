"""What a deadline will leave undone, told while there is time to do something about it."""

from datetime import datetime

from darkroom.domain.window import Window


def will_expire(
    waiting: int,
    jobs_per_minute: float,
    now: datetime,
    deadline: datetime | None,
    window: Window | None,
) -> int | None:
    """How many of those that wait will not have begun by the deadline, if it goes on at this pace.

    None where that cannot be told: nothing has been made in the last minute.

    >>> from datetime import UTC, timedelta
    >>> now = datetime(2026, 11, 23, 4, tzinfo=UTC)
    >>> will_expire(1_000, 10.0, now, now + timedelta(hours=1), None)
    400
    >>> will_expire(1_000, 10.0, now, None, None)
    0
    """
    if deadline is None or not waiting:
        return 0
    seconds = max((deadline - now).total_seconds(), 0.0)
    if window is not None:
        seconds = window.seconds(now, deadline)
    if not seconds:
        return waiting
    if not jobs_per_minute:
        return None
    return max(waiting - int(seconds / 60 * jobs_per_minute), 0)
