"""What a deadline will leave undone, told while there is time to do something about it."""

from datetime import datetime

from darkroom.domain.window import Window


def lines_about(head: bytes, size: int) -> int:
    r"""About how many lines a text of so many bytes has that begins like this; exactly, if that is all of it.

    >>> lines_about(b"one\ntwo", 7), lines_about(b"a line\n", 7_000_000)
    (2, 1000000)
    """
    found = head.count(b"\n")
    if len(head) >= size:
        return found + (not head.endswith(b"\n") and bool(head))
    return size * found // (head.rindex(b"\n") + 1) if found else 1


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
