"""Windows as properties over every zone, hour and moment: what the clock on the wall says is what counts."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from darkroom.domain.forecast import will_expire
from darkroom.domain.window import Window, WindowInvalid, next_moment, zone_of

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@st.composite
def windows(draw):
    start, end = draw(CLOCKS), draw(CLOCKS)
    assume(start != end)
    return Window.parse(f"{start:%H:%M}-{end:%H:%M}", draw(ZONES))


def shown(window, moment):
    return moment.astimezone(window.zone).replace(tzinfo=None).time()


def is_inside(window, clock):
    if window.start < window.end:
        return window.start <= clock < window.end
    return clock >= window.start or clock < window.end


def changes_near(window, moment):
    days = (moment + timedelta(days=n) for n in (-2, 2))
    before, after = (day.astimezone(window.zone).utcoffset() for day in days)
    return before != after


@given(windows(), MOMENTS)
def test_an_opening_has_not_closed_and_there_is_none_before_it(window, moment):
    found = window.opening(moment)
    assert moment < found.closes
    assert found.opens < found.closes
    if found.opens > moment:
        assert window.opening(found.opens - timedelta(microseconds=1)) == found
        assert window.seconds(moment, found.opens) == 0
    assert window.opening(found.opens) == found


@given(windows(), MOMENTS)
def test_it_is_open_when_the_clock_on_the_wall_says_so(window, moment):
    assume(not changes_near(window, moment))
    found = window.opening(moment)
    assert (found.opens <= moment) == is_inside(window, shown(window, moment))
    assert (shown(window, found.opens), shown(window, found.closes)) == (window.start, window.end)


@given(windows(), MOMENTS, st.timedeltas(timedelta(0), timedelta(days=5)))
def test_open_seconds_add_up(window, moment, span):
    middle, end = moment + span / 3, moment + span
    whole = window.seconds(moment, end)
    assert whole == pytest.approx(window.seconds(moment, middle) + window.seconds(middle, end))
    assert 0 <= whole <= span.total_seconds() + 0.001


@pytest.mark.parametrize(
    ("night", "hours"), [((2026, 3, 28), 7), ((2026, 10, 24), 9), ((2026, 11, 22), 8)]
)
def test_a_night_in_which_the_clocks_change_ends_when_they_say_so(night, hours):
    noon = datetime(*night, 12, tzinfo=UTC)
    found = Window.parse("22:00-06:00", "Europe/Berlin").opening(noon)
    assert found.closes - found.opens == timedelta(hours=hours)
    assert f"{found.closes.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" == "06:00"


@pytest.mark.parametrize(
    "hours", ["22:00", "22:00-24:00", "6-7", "10:00-10:00", "22:00–06:00", "", "٢٢:00-06:00"]
)
def test_what_is_no_window_is_refused_with_the_fix(hours):
    with pytest.raises(WindowInvalid, match=r"22:00-06:00|leave the window out"):
        Window.parse(hours, "UTC")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Europe", "/etc/passwd"])
def test_what_is_no_zone_is_refused_with_the_fix(name):
    with pytest.raises(WindowInvalid, match="Europe/Berlin or UTC"):
        zone_of(name)


@given(CLOCKS, ZONES, MOMENTS)
def test_the_next_time_of_day_is_ahead_and_not_far(clock, zone, moment):
    found = next_moment(clock, ZoneInfo(zone), moment)
    assert moment < found <= moment + timedelta(hours=26)


@given(st.integers(0, 10_000), st.floats(0, 500), MOMENTS, st.floats(-5, 100), windows())
def test_a_window_never_makes_a_forecast_better(waiting, pace, now, hours, window):
    deadline = now + timedelta(hours=hours)
    always = will_expire(waiting, pace, now, deadline, None)
    sometimes = will_expire(waiting, pace, now, deadline, window)
    assert always is None or sometimes is None or 0 <= always <= sometimes <= waiting
