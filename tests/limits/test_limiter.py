"""The limiter against the server it will run on: what it admits, takes back, forgets and survives."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from redis import Redis

from darkroom.domain.limit import Heard, Limits, PerMinute, Sign
from darkroom.limits import Admitted, Denied, Limiter, LimiterAway, Load, Memory
from darkroom.limits.limiter import FULL_WAIT, PERMIT_LIFE

FAMILY = "gpt-image"
ONE = Load(FAMILY, images=1, tokens=10)
HOUR = timedelta(hours=1)
NOW = timedelta(0)
SECOND = timedelta(seconds=1)


def _acquire(limiter, load=ONE, longest=HOUR):
    return limiter.acquire(uuid4().hex, load, longest)


def _assert_within(moments: list[float], costs: list[int], per_minute: int) -> None:
    """In no window more than its share, and half a second's worth or one call at once."""
    rate = per_minute / 60
    burst = max(rate / 2, *costs)
    for window in (0.5, 1.0, 5.0):
        for first in range(len(moments)):
            last = first
            while last < len(moments) and moments[last] - moments[first] < window:
                last += 1
            # 1 ms is the grain of the server's clock, and a wait is rounded up to it
            allowed = rate * (window + 0.001) + burst
            assert sum(costs[first:last]) <= allowed + 1e-6, (window, first, last)


@pytest.mark.parametrize("per_minute", [600, 6_000, 50])
def test_no_window_ever_holds_more_than_its_share(limiter_of, server, per_minute):
    """Eight threads ask as fast as they can; the moments are the server's own."""
    limiter = limiter_of(requests=per_minute)
    with ThreadPoolExecutor(8) as pool:
        leaves = list(pool.map(lambda _: _acquire(limiter), range(200)))
    assert all(isinstance(leave, Admitted) for leave in leaves)
    moments = server.admitted()
    assert len(moments) == 200
    _assert_within(moments, [1] * 200, per_minute)
    assert moments[-1] - moments[0] == pytest.approx(199 * 60 / per_minute, rel=0.05)


def test_impatient_callers_get_no_more_than_patient_ones(limiter_of, server):
    limiter = limiter_of(requests=3_000)

    def insist(_) -> None:
        for _ in range(5):
            while isinstance(_acquire(limiter, longest=NOW), Denied):
                """Asks again at once."""

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(insist, range(8)))
    moments = server.admitted()
    assert len(moments) == 40
    _assert_within(moments, [1] * 40, 3_000)


def test_a_limit_of_a_few_a_minute_is_reached_without_waiting_for_it(limiter_of, server):
    """A denial must not forget since when there is something to have: five a minute are not none."""
    limiter = limiter_of(images=5)
    patience = timedelta(seconds=2)
    denied = _acquire(limiter, longest=patience)
    assert denied.wait == pytest.approx(timedelta(seconds=12), abs=timedelta(seconds=0.5))
    server.pass_time(6)
    assert isinstance(_acquire(limiter, longest=patience), Denied)
    server.pass_time(6)
    assert isinstance(_acquire(limiter, longest=patience), Admitted)
    assert isinstance(_acquire(limiter, longest=patience), Denied)


def test_a_call_of_n_images_is_counted_as_n(limiter_of, server):
    limiter = limiter_of(images=600)
    loads = [1, 10, 3, 10, 1, 7] * 10
    moments, costs, started = [], [], server.redis.time()
    for images in loads:
        leave = _acquire(limiter, Load(FAMILY, images=images, tokens=1))
        seconds, micros = server.redis.time()
        moments.append(seconds + micros / 1e6 + leave.wait.total_seconds())
        costs.append(images)
    assert moments[-1] - started[0] == pytest.approx(sum(loads[:-1]) / 10, abs=2)
    exact = server.admitted()
    _assert_within(exact, costs, 600)
    assert moments == pytest.approx(exact, abs=0.25)


def test_the_scarcest_dimension_decides(limiter_of):
    limiter = limiter_of(requests=600, images=60, tokens=6_000, input_images=6_000)
    _acquire(limiter)
    found = limiter.acquire("p", Load(FAMILY, images=4, tokens=10, input_images=1), NOW)
    assert isinstance(found, Denied)
    assert found.dimension == "images"
    assert found.wait == pytest.approx(timedelta(seconds=5), abs=timedelta(seconds=0.5))


def test_all_dimensions_or_none(limiter_of, server):
    """What one of them refuses has cost nothing in any other, and holds no place in flight."""
    limiter = limiter_of(requests=600, images=6)
    _acquire(limiter)
    before = server.redis.hgetall(server.levels)
    for _ in range(20):
        assert isinstance(_acquire(limiter, longest=timedelta(seconds=2)), Denied)
    assert server.redis.hgetall(server.levels) == before
    assert len(server.in_flight()) == 1


def test_without_a_limit_a_dimension_is_not_counted(limiter_of, server):
    limiter = limiter_of(requests=60_000_000)
    server.pass_time(1)
    assert all(_acquire(limiter, longest=NOW) == Admitted(NOW) for _ in range(50))
    assert set(server.redis.hkeys(server.levels)) == {
        b"born",
        b"last",
        b"requests",
        b"requests:at",
    }


def test_idle_time_saves_up_half_a_second_and_no_more(limiter_of, server):
    limiter = limiter_of(requests=600)
    _acquire(limiter)
    server.pass_time(3600)
    leaves = [_acquire(limiter, longest=NOW) for _ in range(10)]
    assert [isinstance(leave, Admitted) for leave in leaves].count(True) in (5, 6)


def test_a_call_larger_than_the_burst_gets_through_an_idle_limiter(limiter_of, server):
    limiter = limiter_of(images=5)
    _acquire(limiter)
    server.pass_time(200)
    assert _acquire(limiter, Load(FAMILY, images=10, tokens=1), NOW) == Admitted(NOW)
    wait = _acquire(limiter, ONE, HOUR).wait
    assert wait == pytest.approx(timedelta(seconds=12), abs=timedelta(seconds=0.5))


def test_what_was_not_sent_is_given_back_once(limiter_of, server):
    limiter = limiter_of(images=60)
    load = Load(FAMILY, images=3, tokens=10)
    first = limiter.acquire("p", load, HOUR)
    for _ in range(3):
        limiter.refund("p", load)
    assert server.in_flight() == set()
    again = limiter.acquire("q", load, HOUR)
    assert again.wait == pytest.approx(first.wait, abs=timedelta(seconds=0.2))


def test_what_is_given_back_after_others_have_paid_is_not_called_beside_them(limiter_of, server):
    limiter = limiter_of(images=60)
    leaves = [limiter.acquire(name, ONE, HOUR) for name in "ab"]
    limiter.refund("a", ONE)
    third = limiter.acquire("c", ONE, HOUR)
    assert third.wait - leaves[1].wait == pytest.approx(SECOND, abs=timedelta(seconds=0.2))


def test_calls_that_wait_for_one_limit_do_not_bunch_under_another(limiter_of, server):
    """The large one waits four seconds for its images; its request is counted when it goes."""
    limiter = limiter_of(requests=60, images=120)
    large = limiter.acquire("large", Load(FAMILY, images=8, tokens=10), HOUR)
    small = limiter.acquire("small", ONE, HOUR)
    assert small.wait - large.wait == pytest.approx(SECOND, abs=timedelta(seconds=0.1))


def test_a_refund_never_fills_a_bucket_above_its_brim(limiter_of, server):
    limiter = limiter_of(images=60)
    server.redis.hset(server.levels, mapping={"images": "0.5", "images:at": "1"})
    limiter.acquire("p", ONE, HOUR)
    server.pass_time(3600)
    limiter.refund("p", ONE)
    assert server.level("images") <= 1


def test_a_call_that_ends_frees_its_place_and_stays_counted(limiter_of, server):
    limiter = limiter_of(in_flight=2, requests=6_000)
    limiter.acquire("a", ONE, HOUR)
    limiter.acquire("b", ONE, HOUR)
    assert limiter.acquire("c", ONE, HOUR) == Denied(FULL_WAIT, "in_flight")
    level = server.level("requests")
    limiter.release("a")
    limiter.release("a")
    assert server.level("requests") == level
    assert isinstance(limiter.acquire("c", ONE, HOUR), Admitted)
    assert server.in_flight() == {"b", "c"}


def test_never_more_in_flight_than_allowed(limiter_of, server):
    limiter = limiter_of(in_flight=7, requests=60_000)
    with ThreadPoolExecutor(8) as pool:
        leaves = list(pool.map(lambda _: _acquire(limiter), range(40)))
    assert [isinstance(leave, Admitted) for leave in leaves].count(True) == 7
    assert len(server.in_flight()) == 7


def test_the_place_of_a_dead_worker_frees_itself_and_a_living_one_keeps_its_own(limiter_of, server):
    limiter = limiter_of(in_flight=2, requests=60_000)
    limiter.acquire("dead", ONE, HOUR)
    limiter.acquire("alive", ONE, HOUR)
    server.pass_time(PERMIT_LIFE.total_seconds() - 5)
    limiter.renew(["alive"])
    assert isinstance(_acquire(limiter), Denied)
    server.pass_time(10)
    assert isinstance(limiter.acquire("next", ONE, HOUR), Admitted)
    assert server.in_flight() == {"alive", "next"}


def test_calls_that_run_are_counted_again_after_nobody_could_be_reached_for_long(
    limiter_of, server
):
    limiter = limiter_of(in_flight=2, requests=60_000)
    for name in "ab":
        limiter.acquire(name, ONE, HOUR)
    server.pass_time(PERMIT_LIFE.total_seconds() + 5)
    limiter.acquire("c", ONE, HOUR)
    assert server.in_flight() == {"c"}
    limiter.renew(["a", "b"])
    limiter.release("c")
    assert _acquire(limiter) == Denied(FULL_WAIT, "in_flight")


def test_a_permit_that_waits_lives_from_when_it_may_be_used(limiter_of, server):
    limiter = limiter_of(requests=1)
    limiter.acquire("a", ONE, HOUR)
    limiter.acquire("b", ONE, HOUR)
    first, second = server.admitted()
    assert second - first == pytest.approx(60, abs=0.5)


def test_a_limiter_that_remembers_nothing_starts_empty_and_with_the_calls_that_run(redis, server):
    asked = count()

    def running(_):
        next(asked)
        return Memory(("r1", "r2"))

    limiter = Limiter(redis, "test", Limits(3, PerMinute(images=60)), running)
    first = limiter.acquire("a", ONE, HOUR)
    assert first.wait == pytest.approx(timedelta(seconds=1), abs=timedelta(seconds=0.2))
    assert server.in_flight() == {"r1", "r2", "a"}
    assert isinstance(limiter.acquire("b", ONE, HOUR), Denied)
    assert next(asked) == 1


def test_a_flush_in_mid_life_is_survived(redis, server):
    held: list[str] = []
    limiter = Limiter(redis, "test", Limits(3, PerMinute(images=60)), lambda _: Memory(tuple(held)))
    limiter.acquire("a", ONE, HOUR)
    held.append("a")
    redis.flushall()
    limiter.release("gone")
    limiter.renew(["a"])
    assert server.in_flight() == {"a"}
    again = limiter.acquire("b", ONE, HOUR)
    assert again.wait == pytest.approx(timedelta(seconds=1), abs=timedelta(seconds=0.2))
    assert server.in_flight() == {"a", "b"}


def test_many_find_it_cold_and_it_is_born_once(redis, server):
    limiter = Limiter(redis, "test", Limits(10, PerMinute(requests=600)), lambda _: Memory(("r",)))
    with ThreadPoolExecutor(8) as pool:
        leaves = list(pool.map(lambda _: _acquire(limiter), range(30)))
    assert [isinstance(leave, Admitted) for leave in leaves].count(True) == 9
    _assert_within(server.admitted(), [1] * 10, 600)


def test_a_server_that_forgot_the_script_is_told_again(redis, limiter_of):
    limiter = limiter_of(requests=60)
    redis.script_flush()
    assert isinstance(_acquire(limiter), Admitted)


def test_no_permit_while_cooling(limiter_of, server):
    limiter = limiter_of(requests=60_000)
    server.cool(90)
    found = _acquire(limiter)
    assert found.dimension == "cool_down"
    assert found.wait == pytest.approx(timedelta(seconds=90), abs=timedelta(seconds=1))
    server.pass_time(91)
    assert isinstance(_acquire(limiter), Admitted)


def test_without_a_server_there_is_no_permit():
    from_nowhere = Redis(port=1, socket_connect_timeout=0.5, retry=None)
    limiter = Limiter(from_nowhere, "test", Limits(1, PerMinute(requests=600)), lambda _: Memory())
    acts = [
        lambda: _acquire(limiter),
        lambda: limiter.refund("p", ONE),
        lambda: limiter.release("p"),
        lambda: limiter.renew(["p"]),
        lambda: limiter.hear("p", FAMILY, Heard(Sign.FINE)),
        lambda: limiter.known(FAMILY),
    ]
    for act in acts:
        with pytest.raises(LimiterAway):
            act()
    from_nowhere.close()


def test_what_the_server_refuses_is_no_permit(redis, limiter_of, server):
    limiter = limiter_of()
    redis.delete(server.flight)
    redis.set(server.flight, "not a sorted set")
    with pytest.raises(LimiterAway):
        _acquire(limiter)


def test_families_are_counted_apart_by_the_minute_and_together_in_flight(limiter_of, server):
    limiter = limiter_of(in_flight=2, images=60)
    other = Load("house-style", images=1, tokens=10)
    first = limiter.acquire("a", Load(FAMILY, images=1, tokens=10), SECOND)
    assert isinstance(first, Admitted)
    assert isinstance(_acquire(limiter, longest=NOW), Denied)
    assert limiter.acquire("b", other, SECOND).wait == pytest.approx(
        SECOND, abs=timedelta(seconds=0.2)
    )
    assert server.in_flight() == {"a", "b"}
    assert _acquire(limiter, other) == Denied(FULL_WAIT, "in_flight")


def test_a_family_has_the_limits_that_are_said_of_it_and_else_the_usual_ones(redis):
    limits = Limits(10, PerMinute(images=60), {FAMILY: PerMinute(images=600)})
    limiter = Limiter(redis, "test", limits, lambda _: Memory())
    assert _acquire(limiter).wait == pytest.approx(SECOND / 10, abs=timedelta(seconds=0.05))
    usual = _acquire(limiter, Load("house-style", images=1, tokens=10))
    assert usual.wait == pytest.approx(SECOND, abs=timedelta(seconds=0.05))


def test_a_family_that_is_first_asked_for_later_adds_no_call_in_flight(redis, server):
    limiter = Limiter(redis, "test", Limits(9), lambda _: Memory(("running",)))
    _acquire(limiter)
    limiter.release("running")
    _acquire(limiter, Load("house-style", images=1, tokens=10))
    assert "running" not in server.in_flight()


def test_counts_of_seconds_that_are_over_do_not_pile_up(limiter_of, server):
    """Without a single refusal, for a whole night."""
    limiter = limiter_of(requests=60_000)
    second = server.redis.time()[0]
    server.redis.hset(server.seconds, mapping={f"{second - ago}:out": 1 for ago in range(20, 3600)})
    _acquire(limiter)
    assert server.redis.hlen(server.seconds) <= 20


def test_a_first_call_finds_what_came_in_since_its_family_was_primed(limiter_of, server):
    """Half a second's worth; whoever primes it again takes nothing away and gives nothing."""
    limiter = limiter_of(images=600)
    server.pass_time(1)
    limiter.prime([FAMILY])
    leaves = [_acquire(limiter, longest=NOW) for _ in range(6)]
    assert [type(leave) for leave in leaves] == [Admitted] * 5 + [Denied]


def test_two_keys_do_not_share_their_limits(redis):
    one, other = (
        Limiter(redis, key, Limits(1, PerMinute(requests=600)), lambda _: Memory())
        for key in ("a", "b")
    )
    assert isinstance(_acquire(one), Admitted)
    assert isinstance(_acquire(other), Admitted)
    assert isinstance(_acquire(one), Denied)


def test_a_clock_that_is_set_back_does_not_stop_the_night(limiter_of, server):
    limiter = limiter_of(requests=60)
    _acquire(limiter)
    server.pass_time(-3600)
    assert isinstance(_acquire(limiter, longest=NOW), Denied)
    server.pass_time(3)
    assert isinstance(_acquire(limiter, longest=NOW), Admitted)
