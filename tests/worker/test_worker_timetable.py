"""The clock's chores: soon after a hint, not more often than each bears, and every few seconds anyway."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from worker.crew import CHORES, Crew, Timetable
from worker.pulse import LIVELY, LULL, TICK, Alarm, Pulse, Rung


class Stopwatch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopwatch():
    return Stopwatch()


@pytest.fixture
def pulse(stopwatch):
    return Pulse(stopwatch, lambda: 0.5)


@pytest.fixture
def alarm(stopwatch):
    return Alarm(stopwatch)


@pytest.fixture
def timetable(stopwatch, pulse):
    """A timetable whose chores have all been done just now."""
    made = Timetable(stopwatch, pulse)
    assert made.due() == list(CHORES)
    for name in CHORES:
        made.done(name)
    return made


def test_without_a_hint_everything_is_due_after_a_tick(timetable, stopwatch):
    assert timetable.due() == []
    assert timetable.patience() == pytest.approx(TICK)
    stopwatch.now += TICK
    assert timetable.due() == list(CHORES)
    assert timetable.patience() == 0


@pytest.mark.parametrize("name", CHORES)
def test_a_hint_is_heeded_after_the_chores_own_pause(timetable, stopwatch, name):
    timetable.hint(Rung.OWN)
    stopwatch.now += CHORES[name].pause - 0.01
    assert name not in timetable.due()
    stopwatch.now += 0.02
    assert name in timetable.due()


def test_hint_after_hint_does_not_put_a_chore_off(timetable, stopwatch):
    for _ in range(11):
        timetable.hint(Rung.OWN)
        stopwatch.now += TICK / 10
    assert set(timetable.due()) == set(CHORES)


def test_in_a_lull_it_looks_more_rarely_until_something_is_done(timetable, pulse, stopwatch):
    stopwatch.now += LIVELY
    for name in CHORES:
        timetable.done(name)
    assert timetable.patience() == pytest.approx(LULL)
    pulse.quicken()
    for name in CHORES:
        timetable.done(name)
    assert timetable.patience() == pytest.approx(TICK)


def test_a_hint_is_heeded_in_a_lull_too(timetable, stopwatch):
    stopwatch.now += LIVELY
    for name in CHORES:
        timetable.done(name)
    timetable.hint(Rung.OWN)
    assert timetable.patience() <= TICK


def test_patience_ends_with_the_first_chore_that_was_hinted_at(timetable):
    timetable.hint(Rung.OWN)
    assert timetable.patience() == pytest.approx(min(chore.pause for chore in CHORES.values()))


def test_a_crowd_shares_the_looks_of_each_second(timetable, pulse):
    pulse.crowd = 3
    for name in CHORES:
        timetable.done(name)
    assert timetable.patience() == pytest.approx(3 * TICK)
    pulse.crowd = 20
    timetable.done("reap")
    assert pulse.tick() == LULL


def test_what_all_overhear_is_done_by_one_and_the_others_come_later(timetable, pulse, stopwatch):
    pulse.crowd = 3
    timetable.hint(Rung.OVERHEARD)
    assert timetable.patience() == pytest.approx(3 * CHORES["dispatch"].pause)
    stopwatch.now += timetable.patience()
    assert timetable.due() == ["dispatch"]


def test_a_job_that_is_due_needs_to_be_handed_out_and_nothing_else(timetable, stopwatch):
    stopwatch.now += CHORES["finalize"].pause
    timetable.hint(Rung.DUE)
    assert timetable.due() == ["dispatch"]


def test_no_chore_is_kept_from_its_turn_by_those_before_it(timetable, stopwatch):
    timetable.hint(Rung.OWN)
    stopwatch.now += TICK / 4
    timetable.done("finalize")
    stopwatch.now += TICK / 4
    timetable.hint(Rung.OWN)
    assert timetable.due() == ["dispatch", "conclude", "finalize"]


def test_an_alarm_says_whether_it_rang_for_ones_own(alarm):
    assert alarm.wait(0) is None
    alarm.overhear()
    assert (alarm.wait(0), alarm.wait(0)) == (Rung.OVERHEARD, None)
    alarm.overhear()
    alarm.ring()
    assert (alarm.wait(0), alarm.wait(0)) == (Rung.OWN, None)


def test_an_alarm_that_was_set_rings_then_and_once_for_all_that_is_past(alarm, stopwatch):
    for seconds in (5, 3, 4):
        alarm.ring_in(seconds)
    stopwatch.now += 2
    assert alarm.wait(0) is None
    stopwatch.now += 2
    assert (alarm.wait(0), alarm.wait(0)) == (Rung.DUE, None)
    alarm.overhear()
    stopwatch.now += 1
    assert (alarm.wait(0), alarm.wait(0)) == (Rung.DUE, Rung.OVERHEARD), "neither hides the other"


def test_whoever_waits_wakes_when_it_rings_and_when_it_was_set_to():
    alarm = Alarm()
    alarm.ring_in(0.01)
    assert alarm.wait(60) is Rung.DUE
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(alarm.wait, 60)
        alarm.overhear()
        assert waiting.result() is Rung.OVERHEARD


def test_who_found_a_list_to_read_looks_at_once_for_another(tools):
    crew, found = Crew(tools), [1, 0]

    def read(_tools):
        if len(found) == 1:
            crew._over.set()
        return found.pop(0)

    crew._submitted.set()
    crew._run_hinted(crew._submitted, ingest=read)
    assert found == []


def test_an_ear_outlives_whatever_it_meets(tools, monkeypatch):
    """Without it the worker would look every second only, and nobody would know why."""
    crew, tried = Crew(tools), []

    def deaf(_engine):
        tried.append(1)
        if len(tried) == 3:
            crew._over.set()
        raise RuntimeError("it is a test")

    monkeypatch.setattr("worker.crew.Listener", deaf)
    monkeypatch.setattr("worker.crew.TICK", 0.01)
    crew._run_ear()
    assert len(tried) == 3
