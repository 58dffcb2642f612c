"""When to come back, in every form in which it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.provider.hint import LONGEST, retry_after

NOW = "Sun, 22 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after-ms": "467"}, "", 0.467),
        ({"retry-after-ms": "467", "retry-after": "1"}, "try again in 9s", 0.467),
        ({"retry-after-ms": "soon", "retry-after": "1.5"}, "", 1.5),
        ({"retry-after": "0"}, "try again in 9s", 9.0),
        ({"retry-after-ms": "0", "retry-after": "2"}, "", 2.0),
        ({"retry-after": "0"}, "", None),
        ({"retry-after": "0"}, "try again in 0s", None),
        ({"retry-after": "Sun, 22 Nov 2026 12:01:30 GMT", "date": NOW}, "", 90.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT", "date": NOW}, "", None),
        ({"retry-after": "Sun, 22 Nov 2026 12:01:30 GMT"}, "try again in 9s", 9.0),
        ({"retry-after": "2026-11-22T12:00:00Z", "date": NOW}, "", None),
        ({"retry-after": "-3"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"retry-after": "1e9"}, "", LONGEST),
        ({}, "Please try again in 12s.", 12.0),
        ({}, "Please try again in 12.5s. Visit …", 12.5),
        ({}, "Please try again in 467ms.", 0.467),
        ({}, "Please try again in 1m2s.", 62.0),
        ({}, "Please try again in 6m0s", 360.0),
        ({}, "Please try again in 1h2m3.5s.", 3723.5),
        ({}, "slow down and try again after 51.84 seconds", 51.84),
        ({}, "Retry after 5 minutes, please", 300.0),
        ({}, "try again in 1 minute 30 secs", 90.0),
        ({}, "try again in 99999999 days", LONGEST),
        ({}, "try again in a while", None),
        ({}, "Limit 5, Used 5, Requested 1", None),
        ({}, "", None),
    ],
)
def test_hints(headers, message, seconds):
    found = retry_after(headers, message)
    assert found == (None if seconds is None else pytest.approx(seconds))


@given(st.text(), st.text(), st.text(), st.text(alphabet="try again in0123456789.msh ,"))
def test_anything_is_a_sane_number_or_nothing(milliseconds, seconds, date, message):
    headers = {"retry-after-ms": milliseconds, "retry-after": seconds, "date": date}
    found = retry_after(headers, f"try again in {message}")
    assert found is None or 0 < found <= LONGEST
