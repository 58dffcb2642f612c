"""The clock's chores: soon after a hint, not more often than each bears, and every second anyway."""

import pytest

from worker.crew import CHORES, Crew, Timetable
from worker.pulse import LIVELY, LULL, TICK, Pulse


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
    return Pulse(stopwatch)


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
    timetable.hint()
    stopwatch.now += CHORES[name].pause - 0.01
    assert name not in timetable.due()
    stopwatch.now += 0.02
    assert name in timetable.due()


def test_hint_after_hint_does_not_put_a_chore_off(timetable, stopwatch):
    for _ in range(11):
        timetable.hint()
        stopwatch.now += TICK / 10
    assert timetable.due() == list(CHORES)


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
    timetable.hint()
    assert timetable.patience() <= TICK


def test_patience_ends_with_the_first_chore_that_was_hinted_at(timetable):
    timetable.hint()
    assert timetable.patience() == pytest.approx(min(chore.pause for chore in CHORES.values()))


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
