"""What the limiter learns from answers: limits, a pace, and when to leave a provider alone."""

from datetime import timedelta
from uuid import uuid4

import pytest

from darkroom.domain.limit import Dimension, Heard, Limits, Sign
from darkroom.limits import Admitted, Denied, Limiter, Load, Memory

FAMILY = "gpt-image"
ONE = Load(FAMILY, images=1, tokens=10)
HOUR = timedelta(hours=1)
NOW = timedelta(0)
FINE = Heard(Sign.FINE)
REFUSED = Heard(Sign.REFUSED, hint=timedelta(seconds=3))
TROUBLE = Heard(Sign.TROUBLE)
TEN = Load(FAMILY, images=10, tokens=10)
PATIENCE = timedelta(seconds=2)


def _acquire(limiter, load=ONE, longest=NOW):
    return limiter.acquire(uuid4().hex, load, longest)


def _call(limiter, heard, load=ONE):
    """One call that is let out, however long it has to wait, and answered like this."""
    permit = uuid4().hex
    leave = limiter.acquire(permit, load, HOUR)
    assert isinstance(leave, Admitted), leave
    return limiter.hear(permit, load.family, heard)


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
        paces.append(limiter.known(FAMILY).pace)
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
    assert limiter.known(FAMILY).pace == 60


def test_the_first_refusal_ends_the_search_below_where_it_was(limiter_of, server):
    limiter = limiter_of()
    for _ in range(4):
        [_acquire(limiter, longest=timedelta(minutes=2)) for _ in range(3)]
        server.pass_time(5)
    before = limiter.known(FAMILY).pace
    assert _call(limiter, REFUSED).news
    assert limiter.known(FAMILY).pace <= before / 2
    slowed = limiter.known(FAMILY).pace
    server.pass_time(11)
    [_acquire(limiter, longest=timedelta(minutes=2)) for _ in range(40)]
    assert slowed < limiter.known(FAMILY).pace <= slowed * 1.06


def test_a_limit_that_is_stated_is_taken_over_and_the_search_is_over(limiter_of, server):
    limiter = limiter_of()
    _come_of_age(server)
    lesson = _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 300}))
    assert lesson.news
    assert limiter.known(FAMILY).limits == {Dimension.IMAGES: 300}
    assert limiter.known(FAMILY).pace is None
    assert limiter.calls_per_second(FAMILY) == 5
    assert not _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 300})).news


def test_a_stated_limit_below_the_configured_one_wins_and_one_above_does_not(limiter_of):
    limiter = limiter_of(images=600)
    _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 300}))
    assert limiter.calls_per_second(FAMILY) == 5
    _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 6_000}))
    assert limiter.calls_per_second(FAMILY) == 10


def test_what_was_learned_can_be_forgotten_and_what_is_set_holds(limiter_of):
    limiter = limiter_of(images=600)
    _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 300}))
    assert limiter.known(FAMILY).admitted(limiter.limits.of(FAMILY)) == {"images": 300.0}
    limiter.forget(FAMILY)
    assert limiter.calls_per_second(FAMILY) == 10
    assert limiter.known(FAMILY).admitted(limiter.limits.of(FAMILY)) == {"images": 600.0}


def test_a_limit_heard_long_ago_is_tried_a_little_above(limiter_of, server):
    limiter = limiter_of()
    _come_of_age(server)
    _call(limiter, Heard(Sign.FINE, limits={Dimension.IMAGES: 1000}))
    server.pass_time(3 * 3600)
    assert limiter.known(FAMILY).limits == {Dimension.IMAGES: 1157}
    server.pass_time(100 * 3600)
    assert limiter.known(FAMILY).limits == {Dimension.IMAGES: 2000}


def test_a_lone_refusal_is_its_own_jobs_matter(quick):
    for _ in range(30):
        _call(quick, FINE)
    _call(quick, REFUSED)
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)
    assert quick.known(FAMILY).pace is None


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
    _call(quick, refused, Load(FAMILY, images=1, tokens=10, input_images=1))
    edit = _acquire(quick, Load(FAMILY, images=1, tokens=10, input_images=1), timedelta(seconds=1))
    assert isinstance(edit, Denied)
    assert edit.dimension == "input_images"
    assert edit.wait == pytest.approx(timedelta(seconds=20), abs=timedelta(seconds=0.5))
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)


def test_after_a_cool_down_nothing_is_caught_up(limiter_of, server):
    limiter = limiter_of(requests=600)
    server.cool(30)
    server.pass_time(31)
    leaves = [_acquire(limiter) for _ in range(20)]
    assert [isinstance(leave, Admitted) for leave in leaves].count(True) in (5, 6)


def test_more_refusals_than_one_in_twenty_and_chance_slow_us_down_and_it_recovers(
    limiter_of, server
):
    limiter = limiter_of(requests=600_000)
    for heard in [*[FINE] * 20, *[REFUSED, *[FINE] * 4] * 6]:
        _call(limiter, heard)
        server.redis.hdel(server.levels, "cool:all")
    slowed = limiter.known(FAMILY).pace
    assert slowed == pytest.approx((41 - 5) * 6 * 0.95, rel=0.1)
    server.pass_time(11)
    while limiter.known(FAMILY).pace == slowed:
        _acquire(limiter, longest=HOUR)
    assert limiter.known(FAMILY).pace == pytest.approx(slowed * 1.05)


def test_stray_refusals_that_come_together_by_chance_slow_nobody_down(limiter_of, server):
    """At ten a second 2 % make six or more in ten seconds once in a while; each time would cost a tenth."""
    limiter = limiter_of(requests=600_000)
    for heard in [REFUSED, *[FINE] * 12] * 7:
        _call(limiter, heard)
    assert limiter.known(FAMILY).pace is None


def test_what_was_learned_outlives_the_limiters_memory(redis):
    memory = Memory(limits={"images": 250, "pace": 120.0})
    limiter = Limiter(redis, "test", Limits(10), lambda _: memory)
    assert isinstance(_acquire(limiter, longest=HOUR), Admitted)
    assert limiter.known(FAMILY).limits == {Dimension.IMAGES: 250}
    assert limiter.known(FAMILY).pace == 120


def test_a_call_too_large_to_wait_for_is_saved_up_for_and_small_ones_wait(limiter_of, server):
    limiter = limiter_of(images=60)
    first = _acquire(limiter, TEN, PATIENCE)
    assert isinstance(first, Denied)
    assert first.wait == pytest.approx(timedelta(seconds=9), abs=timedelta(seconds=0.5))
    for _ in range(9):
        server.pass_time(1)
        assert isinstance(_acquire(limiter, longest=PATIENCE), Denied)
    assert isinstance(_acquire(limiter, TEN, PATIENCE), Admitted)
    server.pass_time(1.1)
    assert isinstance(_acquire(limiter, longest=PATIENCE), Admitted)


def test_after_a_large_call_the_small_ones_have_their_turn(limiter_of, server):
    limiter = limiter_of(images=60)
    _acquire(limiter, TEN, PATIENCE)
    server.pass_time(10)
    assert isinstance(_acquire(limiter, TEN, PATIENCE), Admitted)
    assert isinstance(_acquire(limiter, TEN, PATIENCE), Denied)
    assert isinstance(_acquire(limiter, longest=PATIENCE), Admitted)
    server.pass_time(2.1)
    assert isinstance(_acquire(limiter, TEN, PATIENCE), Denied)
    assert isinstance(_acquire(limiter, longest=PATIENCE), Denied)


def test_what_is_saved_up_for_one_that_never_comes_is_given_to_others(limiter_of, server):
    """A batch that was cancelled leaves nothing behind that its family would have to pay for."""
    limiter = limiter_of(images=60)
    for _ in range(50):
        _acquire(limiter, TEN, PATIENCE)
    server.pass_time(15.1)
    assert _acquire(limiter, longest=PATIENCE) == Admitted(NOW)


def test_a_late_large_call_is_no_burst_beside_what_was_saved_up(limiter_of, server):
    limiter = limiter_of(images=600)
    hundred = Load(FAMILY, images=100, tokens=1)
    assert isinstance(_acquire(limiter, hundred, PATIENCE), Denied)
    server.pass_time(14)
    assert _acquire(limiter, hundred, PATIENCE) == Admitted(NOW)
    assert _acquire(limiter, longest=PATIENCE).wait > NOW


def test_what_one_family_meets_is_not_anothers_but_trouble_is_the_keys(quick):
    other = Load("house-style", images=1, tokens=10)
    for heard in [REFUSED] * 3:
        _call(quick, heard)
    assert isinstance(_acquire(quick, longest=PATIENCE), Denied)
    assert isinstance(_acquire(quick, other, PATIENCE), Admitted)
    _call(quick, Heard(Sign.FINE, limits={Dimension.IMAGES: 300}), other)
    assert quick.known("house-style").limits == {Dimension.IMAGES: 300}
    assert quick.known(FAMILY).limits == {}
    for _ in range(5):
        _call(quick, TROUBLE, other)
    assert quick.known(FAMILY).circuit


def test_five_troubles_in_a_row_open_the_circuit_and_probes_go_out_one_by_one(quick, server):
    for _ in range(4):
        assert not _call(quick, TROUBLE).trouble
    assert _call(quick, TROUBLE).trouble
    denied = _acquire(quick, longest=timedelta(seconds=1))
    assert isinstance(denied, Denied)
    assert denied.dimension == "circuit"
    assert denied.wait == pytest.approx(timedelta(seconds=5), abs=timedelta(seconds=0.5))
    server.pass_time(5.1)
    assert isinstance(quick.acquire("probe", ONE, HOUR), Admitted)
    assert isinstance(_acquire(quick), Denied)
    assert quick.hear("probe", FAMILY, TROUBLE).trouble
    denied = _acquire(quick)
    assert denied.wait == pytest.approx(timedelta(seconds=10), abs=timedelta(seconds=0.5))
    server.pass_time(10.1)
    assert isinstance(quick.acquire("probe", ONE, HOUR), Admitted)
    assert not quick.hear("probe", FAMILY, FINE).trouble
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
    quick.acquire("probe", ONE, HOUR)
    quick.release("probe")
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)


def test_a_probe_that_was_not_sent_makes_room_for_another_at_once(quick, server):
    for _ in range(5):
        _call(quick, TROUBLE)
    server.pass_time(5.1)
    quick.acquire("probe", ONE, HOUR)
    quick.refund("probe", ONE)
    assert isinstance(_acquire(quick, longest=timedelta(seconds=1)), Admitted)


def test_a_probe_that_found_nobody_is_given_back_and_the_circuit_stays_open_for_longer(
    quick, server
):
    for _ in range(5):
        _call(quick, TROUBLE)
    server.pass_time(5.1)
    quick.acquire("probe", ONE, HOUR)
    quick.refund("probe", ONE)
    assert quick.hear("probe", FAMILY, TROUBLE).trouble
    denied = _acquire(quick)
    assert denied.wait == pytest.approx(timedelta(seconds=10), abs=timedelta(seconds=0.5))
