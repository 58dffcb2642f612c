"""When a job is tried again, as properties over every policy, failure and draw."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.domain.failure import REACTIONS, Failure, FailureClass, Reaction
from darkroom.domain.retry import (
    GiveUp,
    History,
    OnUnknown,
    RetryPolicy,
    TryAgain,
    backoff,
    count,
    decide,
)

DRAWS = st.floats(0, 1, exclude_max=True)
SPANS = st.timedeltas(timedelta(0), timedelta(days=30))
POLICIES = st.builds(
    RetryPolicy,
    failures=st.integers(0, 100),
    base=SPANS,
    cap=SPANS,
    wait=SPANS,
    on_unknown=st.sampled_from(OnUnknown),
    unknowns=st.integers(0, 5),
    cool_down=SPANS,
)
FAILURES = st.builds(
    Failure,
    st.sampled_from(FailureClass),
    st.just("code"),
    st.just("message"),
    retry_after=st.none() | st.floats(0, 86_400),
)
HISTORIES = st.builds(
    History, st.integers(0, 200), st.integers(0, 9), st.integers(0, 3), st.booleans()
)


@given(POLICIES, st.integers(-5, 10**30), DRAWS)
def test_backoff_is_never_negative_and_never_above_its_cap(policy, failures, draw):
    assert timedelta(0) <= backoff(policy, failures, draw) <= policy.cap


@given(POLICIES, st.integers(0, 500), DRAWS)
def test_the_ceiling_only_rises(policy, failures, draw):
    assert backoff(policy, failures, draw) <= backoff(policy, failures + 1, draw)


@given(st.integers(1, 8), st.floats(0, 1))
def test_the_ceiling_doubles_until_the_cap(failures, draw):
    policy = RetryPolicy()
    ceiling = min(timedelta(seconds=2 ** (failures - 1)), timedelta(minutes=5))
    assert backoff(policy, failures, 1.0) == ceiling
    assert backoff(policy, failures, draw) == ceiling * draw


@given(POLICIES, FAILURES, HISTORIES, DRAWS)
def test_every_failure_has_one_decision(policy, failure, history, draw):
    klass, hint = failure.klass, failure.retry_after
    decision = decide(policy, failure, history, draw)
    match klass.reaction:
        case Reaction.GIVE_UP | Reaction.HOLD:
            assert decision == GiveUp()
        case Reaction.SOFTEN:
            again = history.may_soften and history.refusals <= 1
            assert decision == (TryAgain(timedelta(0)) if again else GiveUp())
        case Reaction.WAIT | Reaction.PAUSE_KEY:
            assert isinstance(decision, TryAgain)
        case Reaction.RETRY:
            assert (decision == GiveUp()) == (history.failures >= policy.failures)
        case Reaction.POLICY:
            fails = policy.on_unknown is OnUnknown.FAIL or history.unknowns > policy.unknowns
            assert decision == (GiveUp() if fails else TryAgain(policy.cool_down))
    if isinstance(decision, TryAgain):
        assert decision.after >= timedelta(0)
        if hint is not None and klass.reaction not in (Reaction.POLICY, Reaction.SOFTEN):
            assert hint <= decision.after.total_seconds() + 1e-5 <= hint * 1.1 + 1e-4


@given(st.sampled_from(FailureClass), st.integers(0, 9), st.integers(0, 9))
def test_only_what_the_job_must_answer_for_counts(klass, failures, unknowns):
    after = count(History(failures, unknowns), Failure(klass, "code", "message"))
    counted = {
        Reaction.RETRY: (1, 0),
        Reaction.GIVE_UP: (1, 0),
        Reaction.SOFTEN: (1, 0),
        Reaction.POLICY: (0, 1),
        Reaction.HOLD: (0, 1),
        Reaction.WAIT: (0, 0),
        Reaction.PAUSE_KEY: (0, 0),
    }[klass.reaction]
    assert (after.failures - failures, after.unknowns - unknowns) == counted


@pytest.mark.parametrize(
    ("failure", "times"),
    [
        (Failure(FailureClass.OVERLOADED, "code", "message"), 5),
        (Failure(FailureClass.SERVER_ERROR, "code", "message", perhaps_billed=True), 3),
        (Failure(FailureClass.UNKNOWN_OUTCOME, "code", "message"), 2),
    ],
)
def test_a_job_that_never_succeeds_ends(failure, times):
    """Waiting is not failing, but failing comes to an end, the sooner the more it may have cost."""
    history, policy = History(), RetryPolicy()
    for attempt in range(1, 100):
        history = count(history, failure)
        if decide(policy, failure, history, 0.5) == GiveUp():
            assert attempt == times
            return
    pytest.fail("it is tried for ever")


@pytest.mark.parametrize("klass", [FailureClass.SERVER_ERROR, FailureClass.OUTAGE])
def test_what_may_have_been_billed_is_not_sent_again_by_whoever_pays_nothing_twice(klass):
    broken = Failure(klass, "code", "message", perhaps_billed=True)
    assert decide(RetryPolicy(on_unknown=OnUnknown.FAIL), broken, History(), 0.5) == GiveUp()


def test_a_refused_prompt_is_tried_once_more_in_another_way_and_only_where_that_was_asked_for():
    blocked = Failure(FailureClass.MODERATION, "moderation_blocked", "refused")
    first = count(History(may_soften=True), blocked)
    assert decide(RetryPolicy(), blocked, first, 0.5) == TryAgain(timedelta(0))
    assert first.softened
    assert decide(RetryPolicy(), blocked, count(first, blocked), 0.5) == GiveUp()
    assert decide(RetryPolicy(), blocked, count(History(), blocked), 0.5) == GiveUp()
    assert not count(History(), blocked).softened


def test_every_class_has_its_one_reaction():
    assert set(REACTIONS) == set(FailureClass)
    assert set(REACTIONS.values()) == set(Reaction)
