"""What the limiter learns from answers: limits, a pace, and when to leave a provider alone."""

from datetime import timedelta
from uuid import uuid4

import pytest

from darkroom.domain.limit import Dimension, Heard, Sign
from darkroom.limits import Admitted, Denied, Limiter, Limits, Load, Memory

ONE = Load(images=1, tokens=10)
HOUR = timedelta(hours=1)
NOW = timedelta(0)
FINE = Heard(Sign.FINE)
REFUSED = Heard(Sign.REFUSED, hint=timedelta(seconds=3))
TROUBLE = Heard(Sign.TROUBLE)


def _acquire(limiter, load=ONE, longest=NOW, job=None):
    permit = uuid4().hex
    return limiter.acquire(permit, load, longest, job or permit)


def _call(limiter, heard, load=ONE):
    """One call that is let out, however long it has to wait, and answered like this."""
    permit = uuid4().hex
    leave = limiter.acquire(permit, load, HOUR, permit)
    assert isinstance(leave, Admitted), leave
    return limiter.hear(permit, heard)


def _come_of_age(server):
    """A second after its birth a limiter that knows no limit lets one call out at once."""
    server.pass_time(1)


@pytest.fixture
def quick(limiter_of):
    """Under limits that stand in nobody's way."""
    return limiter_of(requests=600_000)


def test_with_no_limit_known_it_starts_at_one_a_second_and_doubles_every_five(limiter_of, server):
    limiter = limiter_of()
    paces = []
    for _ in range(4):
        for _ in range(3):
            _acquire(limiter, longest=timedelta(minutes=2))
        paces.append(limiter.known().pace)
        server.pass_time(5)
    assert paces == [60, 120, 240, 480]


def test_while_a_limit_is_searched_for_nobody_is_promised_to_go_much_later(limiter_of, server):
    """What a refusal teaches comes too late for a call that was let out already."""
    limiter = limiter_of()
    denied = _acquire(limiter, longest=timedelta(seconds=2))
    assert isinstance(denied, Denied)
    assert denied.wait == pytest.approx(timedelta(seconds=1), abs=timedelta(seconds=0.2))
    server.pass_time(1)
    assert isinstance(_acquire(limiter), Admitted)


def test_nothing_is_searched_for_while_nobody_asks(limiter_of, server):
    limiter = limiter_of()
    _acquire(limiter, longest=HOUR)
    server.pass_time(3600)
    _acquire(limiter, longest=HOUR)
    assert limiter.known().pace == 60


def test_the_first_refusal_ends_the_search_below_where_it_was(limiter_of, server):
    limiter = limiter_of()
    for _ in range(4):
        [_acquire(limiter, longest=timedelta(minutes=2)) for _ in range(3)]
        server.pass_time(5)
    before = limiter.known().pace
    assert _call(limiter, REFUSED).news
    assert limiter.known().pace <= before / 2
    slowed = limiter.known().pace
    server.pass_time(11)
    [_acquire(limiter, longest=timedelta(minutes=2)) for _ in range(40)]
    assert slowed < limiter.known().pace <= slowed * 1.06


def test_a_limit_that_is_stated_is_taken_over_and_the_search_is_over(limiter_of, server):
    limiter = limiter_of()
    _come_of_age(server)
    lesson = _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 300}))
    assert lesson.news
    assert limiter.known().limits == {Dimension.IMAGES: 300}
    assert limiter.known().pace is None
    assert limiter.calls_per_second() == 5
    assert not _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 300})).news


def test_a_stated_limit_below_the_configured_one_wins_and_one_above_does_not(limiter_of):
    limiter = limiter_of(images=600)
    _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 300}))
    assert limiter.calls_per_second() == 5
    _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 6_000}))
    assert limiter.calls_per_second() == 10


def test_a_limit_heard_long_ago_is_tried_a_little_above(limiter_of, server):
    limiter = limiter_of()
    _come_of_age(server)
    _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 1000}))
    server.pass_time(3 * 3600)
    assert limiter.known().limits == {Dimension.IMAGES: 1157}
    server.pass_time(100 * 3600)
    assert limiter.known().limits == {Dimension.IMAGES: 2000}


def test_a_lone_refusal_is_its_own_jobs_matter(quick):
    for _ in range(30):
        _call(quick, FINE)
    _call(quick, REFUSED)
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)
    assert quick.known().pace is None


def test_three_of_the_last_twenty_refused_cool_the_key_for_the_hint(quick, server):
    for heard in [*[FINE] * 30, REFUSED, *[FINE] * 10, REFUSED, *[FINE] * 5, REFUSED]:
        _call(quick, heard)
    denied = _acquire(quick, longest=timedelta(seconds=1))
    assert isinstance(denied, Denied)
    assert denied.dimension == "cool_down"
    assert denied.wait == pytest.approx(timedelta(seconds=3), abs=timedelta(seconds=0.5))
    server.pass_time(3.1)
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)


def test_refusals_far_between_never_cool_the_key(quick):
    for heard in [REFUSED, *[FINE] * 29] * 4:
        _call(quick, heard)
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)


def test_an_exhausted_limit_nobody_knew_cools_its_dimension_alone(quick):
    refused = Heard(
        Sign.REFUSED, timedelta(seconds=20), Dimension.INPUT_IMAGES, {Dimension.INPUT_IMAGES: 50}
    )
    _call(quick, refused, Load(images=1, tokens=10, input_images=1))
    edit = _acquire(quick, Load(images=1, tokens=10, input_images=1), timedelta(seconds=1))
    assert isinstance(edit, Denied)
    assert edit.dimension == "input_images"
    assert edit.wait == pytest.approx(timedelta(seconds=20), abs=timedelta(seconds=0.5))
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)


def test_after_a_cool_down_nothing_is_caught_up(limiter_of, server):
    limiter = limiter_of(requests=600)
    limiter.cool(timedelta(seconds=30))
    server.pass_time(31)
    leaves = [_acquire(limiter) for _ in range(20)]
    assert [isinstance(leave, Admitted) for leave in leaves].count(True) in (5, 6)


def test_more_than_one_refusal_in_twenty_slows_us_down_and_it_recovers(limiter_of, server):
    limiter = limiter_of(requests=600_000)
    for heard in [*[FINE] * 20, *[REFUSED, *[FINE] * 9] * 3]:
        _call(limiter, heard)
        server.redis.hdel(server.levels, "cool:key")
    slowed = limiter.known().pace
    assert slowed == pytest.approx((41 - 3) * 6 * 0.95, rel=0.1)
    server.pass_time(11)
    while limiter.known().pace == slowed:
        _acquire(limiter, longest=HOUR)
    assert limiter.known().pace == pytest.approx(slowed * 1.05)


def test_what_was_learned_outlives_the_limiters_memory(redis):
    memory = Memory(limits={"images": 250, "pace": 120.0})
    limiter = Limiter(redis, "test", Limits(in_flight=10), lambda: memory)
    assert isinstance(_acquire(limiter, longest=HOUR), Admitted)
    assert limiter.known().limits == {Dimension.IMAGES: 250}
    assert limiter.known().pace == 120


def test_a_call_too_large_to_wait_for_is_given_a_place_that_small_ones_cannot_take(
    limiter_of, server
):
    limiter = limiter_of(images=60)
    patience = timedelta(seconds=2)
    large = Load(images=10, tokens=10)
    first = _acquire(limiter, large, patience, job="large")
    assert isinstance(first, Denied)
    assert first.wait == pytest.approx(timedelta(seconds=10), abs=timedelta(seconds=0.5))
    for _ in range(7):
        server.pass_time(1)
        assert isinstance(_acquire(limiter, longest=patience), Denied)
    server.pass_time(3)
    assert isinstance(_acquire(limiter, large, patience, job="large"), Admitted)
    server.pass_time(1.1)
    assert isinstance(_acquire(limiter, longest=patience), Admitted)


def test_a_place_is_used_once_and_lapses(limiter_of, server):
    limiter = limiter_of(images=60)
    large = Load(images=10, tokens=10)
    patience = timedelta(seconds=2)
    assert isinstance(_acquire(limiter, large, patience, job="large"), Denied)
    server.pass_time(10)
    assert isinstance(_acquire(limiter, large, patience, job="large"), Admitted)
    assert isinstance(_acquire(limiter, large, patience, job="large"), Denied)
    server.pass_time(70)
    assert server.redis.hlen(server.places) == 1
    assert isinstance(_acquire(limiter, large, patience, job="large"), Admitted)
    assert server.redis.hlen(server.places) == 0


def test_five_troubles_in_a_row_open_the_circuit_and_probes_go_out_one_by_one(quick, server):
    for _ in range(4):
        assert not _call(quick, TROUBLE).trouble
    assert _call(quick, TROUBLE).trouble
    denied = _acquire(quick, longest=timedelta(seconds=1))
    assert isinstance(denied, Denied)
    assert denied.dimension == "circuit"
    assert denied.wait == pytest.approx(timedelta(seconds=5), abs=timedelta(seconds=0.5))
    server.pass_time(5.1)
    assert isinstance(quick.acquire("probe", ONE, HOUR, "j"), Admitted)
    assert isinstance(_acquire(quick), Denied)
    assert quick.hear("probe", TROUBLE).trouble
    denied = _acquire(quick)
    assert denied.wait == pytest.approx(timedelta(seconds=10), abs=timedelta(seconds=0.5))
    server.pass_time(10.1)
    assert isinstance(quick.acquire("probe", ONE, HOUR, "j"), Admitted)
    assert not quick.hear("probe", FINE).trouble
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)


def test_a_storm_opens_the_circuit_though_some_calls_come_through(quick):
    storm = [*[TROUBLE, TROUBLE, FINE] * 4, TROUBLE, TROUBLE]
    lessons = [_call(quick, heard) for heard in storm]
    assert [lesson.trouble for lesson in lessons] == [False] * 13 + [True]


def test_stray_troubles_do_not(quick):
    assert not any(_call(quick, heard).trouble for heard in [TROUBLE, *[FINE] * 9] * 5)


def test_a_probe_that_comes_to_nothing_makes_room_for_another(quick, server):
    for _ in range(5):
        _call(quick, TROUBLE)
    server.pass_time(5.1)
    quick.acquire("probe", ONE, HOUR, "j")
    quick.release("probe")
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)
