"""Who goes next, as properties over every crowd of batches."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain import fairness
from darkroom.domain.fairness import Waiting

WINDOWS = st.integers(0, 60)
ENOUGH = 1_000


def share(window, waiting):
    """As many slots as there are, all for one family."""
    shares = fairness.share(window, {"": ENOUGH}, waiting)
    return {batch_id: number for (batch_id, _), number in shares.items()}


@st.composite
def crowds(draw):
    sizes = draw(
        st.lists(
            st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(0, 12)), max_size=8
        )
    )
    return [Waiting(UUID(int=n), *batch) for n, batch in enumerate(sizes)]


@given(WINDOWS, crowds())
def test_every_slot_goes_to_a_waiting_job_while_there_is_one(window, waiting):
    given_out = share(window, waiting)
    queued = {batch.batch_id: batch.queued for batch in waiting}
    assert all(0 < number <= queued[batch_id] for batch_id, number in given_out.items())
    assert sum(given_out.values()) == min(window, sum(queued.values()))


def _served(waiting, given_out, key):
    served: Counter = Counter()
    for batch in waiting:
        served[key(batch)] += batch.busy + given_out.get(batch.batch_id, 0)
    return served


def _assert_fair(groups, served, got, left):
    """Max-min: who was given a slot is at most one ahead of anybody who still waits for one."""
    for one in groups:
        for other in groups:
            if got[one] and left[other]:
                assert served[one] - 1 <= served[other]


@given(WINDOWS, crowds())
def test_projects_are_served_max_min_fair(window, waiting):
    given_out = share(window, waiting)
    got, left = Counter(), Counter()
    for batch in waiting:
        number = given_out.get(batch.batch_id, 0)
        got[batch.project_id] += number
        left[batch.project_id] += batch.queued - number
    served = _served(waiting, given_out, lambda batch: batch.project_id)
    _assert_fair(got.keys(), served, got, left)


@given(WINDOWS, crowds())
def test_the_batches_of_a_project_are_served_max_min_fair(window, waiting):
    given_out = share(window, waiting)
    for project in {batch.project_id for batch in waiting}:
        mine = [batch for batch in waiting if batch.project_id == project]
        got = {b.batch_id: given_out.get(b.batch_id, 0) for b in mine}
        left = {b.batch_id: b.queued - got[b.batch_id] for b in mine}
        served = _served(mine, given_out, lambda batch: batch.batch_id)
        _assert_fair(got.keys(), served, got, left)


@given(st.integers(1, 60), crowds())
def test_a_wider_window_takes_nothing_from_anybody(window, waiting):
    narrow, wide = share(window - 1, waiting), share(window, waiting)
    assert all(wide.get(batch_id, 0) >= number for batch_id, number in narrow.items())


@given(WINDOWS, crowds(), crowds())
def test_what_is_urgent_is_served_as_if_it_were_alone(window, night, urgent):
    first = [
        replace(batch, batch_id=UUID(int=99 + n), priority=7) for n, batch in enumerate(urgent)
    ]
    given_out = share(window, [*night, *first])
    assert {one: n for one, n in given_out.items() if one.int >= 99} == share(window, first)
    rest = window - sum(share(window, first).values())
    assert {one: n for one, n in given_out.items() if one.int < 99} == share(rest, night)


def test_the_least_served_comes_first_and_of_equals_the_first():
    busy, idle, late = (
        Waiting(UUID(int=n), p, 9, b) for n, (p, b) in enumerate([("a", 1), ("b", 0), ("c", 0)])
    )
    assert share(1, [busy, idle, late]) == {idle.batch_id: 1}
    assert share(2, [busy, idle, late]) == {idle.batch_id: 1, late.batch_id: 1}
    assert share(3, [busy, idle, late]) == {b.batch_id: 1 for b in (busy, idle, late)}


@st.composite
def mixed(draw):
    """Batches that ask for one family or for several."""
    families = st.lists(st.sampled_from("xyz"), min_size=1, unique=True)
    return [replace(batch, families=tuple(draw(families))) for batch in draw(crowds())]


@given(WINDOWS, st.fixed_dictionaries(dict.fromkeys("xyz", st.integers(-2, 20))), mixed())
def test_no_family_is_given_more_than_it_may_have_and_none_keeps_another_waiting(
    room, windows, waiting
):
    given_out = fairness.share(room, windows, waiting)
    taken = Counter()
    for (batch_id, family), number in given_out.items():
        assert family in waiting[batch_id.int].families
        taken[family] += number
    assert all(taken[one] <= max(windows[one], 0) for one in "xyz")
    if taken.total() == room:
        return
    for batch in waiting:
        got = sum(number for (one, _), number in given_out.items() if one == batch.batch_id)
        assert got == batch.queued or all(taken[one] >= windows[one] for one in batch.families)
