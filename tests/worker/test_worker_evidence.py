"""What is found out after an attempt was called unknown: by heirs, in their own time, before anybody pays again."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from books import agree
from hands import due_now, handed_out, states
from sqlalchemy import update
from world import World

from darkroom.blobs import StorageFailed
from darkroom.domain.answer import receipt_name
from darkroom.domain.attempt import AttemptState, Failed, Unknown
from darkroom.domain.failure import FailureClass
from darkroom.domain.job import JobState
from darkroom.fetching import FetchCode, FetchFailed, Guard, fetch
from darkroom.limits import Admitted
from darkroom.provider import Answer
from darkroom.store import jobs, leases
from darkroom.store.session import transaction
from darkroom.store.tables import attempts
from worker import receipts
from worker.attempt import attempt
from worker.evidence import judge
from worker.inherit import inherit
from worker.reap import reap
from worker.tools import Tools
from worker.trouble import HOPELESS


def lost(world: World, tools: Tools, batch_id) -> Answer:
    """The only attempt of the batch becomes unknown; what it was really answered."""
    [row] = world.attempts()
    answer = receipts.find(tools, row.id)
    assert answer
    tools.blobs.drop(receipt_name(row.id))
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at=row.begun_at))
    reap(tools)
    assert world.batch(batch_id).unknown == 1
    return answer


def died_after_the_answer(world: World, tools: Tools, prompt: str = "A print"):
    """A batch of one, its receipt kept and its attempt running under nobody's eyes."""
    batch_id, [message] = handed_out(world, tools, prompt)

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.evidence.judge", die)
        with pytest.raises(SystemExit):
            attempt(tools, message.job_id, message.token)
    return batch_id


def test_an_answer_that_kills_whoever_judges_it_is_judged_three_times_and_no_more(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    batch_id = died_after_the_answer(world, tools)
    judged = []

    def die(*_: object, **__: object) -> None:
        judged.append(1)
        raise SystemExit

    monkeypatch.setattr("worker.evidence.judge", die)
    long_ago = world.attempts()[0].begun_at - leases.LEASE
    for _ in range(2):
        with transaction(world.engine) as connection:
            past = {"lease_expires_at": long_ago, "looked_at": long_ago}
            connection.execute(update(attempts).values(past))
        with pytest.raises(SystemExit):
            reap(tools)
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(looked_at=long_ago))
    reap(tools)
    assert len(judged) == 2, "and once by the worker that asked"
    [job] = world.jobs(batch_id)
    assert (job.state, job.failure["code"]) == (JobState.FAILED, "poison")
    assert world.batch(batch_id).unknown == 1
    agree(world)


def handled(tools: Tools, batch_id) -> str:
    """What becomes of the one job that is due."""
    with transaction(tools.engine) as connection:
        [message] = jobs.dispatch(connection, batch_id, ["gpt-image-2"], 1)
    return attempt(tools, message.job_id, message.token).text


def asked_again(world: World, tools: Tools, batch_id) -> str:
    """What becomes of the one job that is tried again, its cool-down over."""
    due_now(world)
    return handled(tools, batch_id)


def looked_for_in_vain(world: World, tools: Tools, batch_id) -> None:
    """The heirs find nothing more of its answer, and the job is due."""
    assert "an earlier answer is looked for" in asked_again(world, tools, batch_id)
    assert inherit(tools) == 1
    assert world.batch(batch_id).unknown == 1


def test_evidence_is_looked_up_before_an_unknown_outcome_is_asked_again(
    world: World, tools: Tools, monkeypatch
) -> None:
    """The receipt turns up only after the reaper was there."""
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    batch_id = died_after_the_answer(world, tools)
    answer = lost(world, tools, batch_id)
    receipts.keep(tools, world.attempts()[0].id, answer)
    assert "an earlier answer is looked for" in asked_again(world, tools, batch_id)
    assert inherit(tools) == 1
    view = world.batch(batch_id)
    assert (view.counts.succeeded, view.unknown, view.images) == (1, 0, 1)
    assert view.cost.at_risk == 0
    assert world.sandbox.totals()["calls"] == 1
    assert receipts.find(tools, world.attempts()[0].id) is None
    agree(world)


def test_without_evidence_an_unknown_outcome_is_asked_once_more(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    batch_id = died_after_the_answer(world, tools)
    lost(world, tools, batch_id)
    looked_for_in_vain(world, tools, batch_id)
    handled(tools, batch_id)
    view = world.batch(batch_id)
    assert (view.counts.succeeded, view.unknown) == (1, 1)
    assert world.sandbox.totals()["calls"] == 2
    agree(world)


def linking_to(tools: Tools, follow: Callable[[str], bytes]) -> Tools:
    """Of a worker whose provider answers with links, and how it follows them."""
    upstreams = {name: replace(one, follow=follow) for name, one in tools.upstreams.items()}
    return replace(tools, upstreams=upstreams)


def test_no_ticket_waits_for_a_host_that_does_not_answer_and_its_image_is_asked_again(
    world: World, tools: Tools, monkeypatch
) -> None:
    asked = []

    def hang(url: str) -> bytes:
        asked.append(url)
        raise FetchFailed(FetchCode.DEADLINE_PASSED, "the host says nothing")

    linking = linking_to(tools, hang)
    monkeypatch.setattr(Tools, "pause", lambda *_: None)
    batch_id, [message] = handed_out(world, linking, "[[fault:link*1]] A print")
    assert attempt(linking, message.job_id, message.token).failed
    asked.clear()
    assert "an earlier answer is looked for" in asked_again(world, linking, batch_id)
    assert asked == [], "not under a ticket"
    assert inherit(linking) == 1
    assert asked != []
    handled(linking, batch_id)
    view = world.batch(batch_id)
    assert (view.counts.succeeded, view.unknown) == (1, 1)
    assert world.sandbox.totals()["calls"] == 2
    agree(world)


def test_an_answer_whose_heirs_are_gone_is_looked_for_three_times_and_no_more(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    batch_id = died_after_the_answer(world, tools)
    lost(world, tools, batch_id)
    left = tools.policy.losses - world.attempts()[0].looks
    for _ in range(left):
        assert "an earlier answer is looked for" in asked_again(world, tools, batch_id)
    assert "1 image" in asked_again(world, tools, batch_id)


def test_an_answer_that_cannot_be_judged_is_no_evidence_and_its_job_goes_on(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    batch_id = died_after_the_answer(world, tools)
    answer = lost(world, tools, batch_id)
    receipts.keep(tools, world.attempts()[0].id, answer)

    def stumble(*_: object) -> None:
        raise KeyError("model")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.evidence.judge", stumble)
        looked_for_in_vain(world, tools, batch_id)
    handled(tools, batch_id)
    assert states(world, batch_id) == [JobState.SUCCEEDED]
    agree(world)


def test_of_a_late_answer_with_too_few_images_only_the_missing_are_asked_again(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    monkeypatch.setattr("darkroom.limits.Limiter.acquire", lambda *_: Admitted(timedelta(0)))
    batch_id = died_after_the_answer(
        world, tools, {"prompt": "[[fault:missing_one*1]] Two prints", "n": 2}
    )
    answer = lost(world, tools, batch_id)
    receipts.keep(tools, world.attempts()[0].id, answer)
    assert "an earlier answer is looked for" in asked_again(world, tools, batch_id)
    assert inherit(tools) == 1
    handled(tools, batch_id)
    view = world.batch(batch_id)
    assert (view.counts.succeeded, view.unknown, view.images) == (1, 0, 2)
    assert [call["n"] for call in world.sandbox.calls()] == [2, 1]
    agree(world)


def test_the_clock_does_not_wait_for_the_host_behind_a_link(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    asked, well = threading.Event(), threading.Event()

    def slow(url: str) -> bytes:
        asked.set()
        assert well.wait(60)
        return fetch(url, Guard(allow_private=True))

    linking = linking_to(tools, slow)
    batch_id = died_after_the_answer(world, linking, "[[fault:link]] A print")
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at=attempts.c.begun_at))
    assert (reap(linking), asked.is_set()) == (1, False)
    heir = threading.Thread(target=inherit, args=[linking])
    heir.start()
    assert asked.wait(60)
    assert reap(linking) == 0, "its lease is held while the host is asked"
    other, _ = handed_out(world, linking, "A print by day")
    assert states(world, other) == [JobState.DISPATCHED]
    well.set()
    heir.join()
    view = world.batch(batch_id)
    assert (view.counts.succeeded, view.unknown, view.images) == (1, 0, 1)
    agree(world)


def test_an_answer_that_the_storage_does_not_give_holds_up_no_other_and_no_call(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    monkeypatch.setattr(Tools, "pause", lambda *_: None)
    stuck, well = died_after_the_answer(world, tools), died_after_the_answer(world, tools)
    unreadable = next(row.id for row in world.attempts() if row.batch_id == stuck)
    find = receipts.find

    def refused(tools: Tools, attempt_id):
        if attempt_id == unreadable:
            raise StorageFailed("s3", "no permission for this object", "give it")
        return find(tools, attempt_id)

    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at=attempts.c.begun_at))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipts, "find", refused)
        assert reap(tools) == 2
        assert states(world, well) == [JobState.SUCCEEDED]
        assert inherit(tools) == 0
        assert not tools.holdings.is_stuck
        assert states(world, stuck) == [JobState.RUNNING]
    assert inherit(tools) == 1
    assert states(world, stuck) == [JobState.SUCCEEDED]
    assert world.sandbox.totals()["calls"] == 2
    agree(world)


def test_what_a_worker_has_left_is_looked_for_side_by_side(world: World, tools: Tools) -> None:
    """It may be hundreds of calls, and the clock hands nothing out before the last: each look waits for another."""
    for prompt in ("A print", "Another"):
        died_after_the_answer(world, tools, prompt)
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at=attempts.c.begun_at))
    find, company = receipts.find, threading.Barrier(2, timeout=10)

    def found(tools: Tools, attempt_id):
        company.wait()
        return find(tools, attempt_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipts, "find", found)
        assert reap(tools) == 2
    assert {row.state for row in world.attempts()} == {AttemptState.SUCCEEDED}
    agree(world)


def unreadable(monkeypatch) -> None:
    def refused(tools: Tools, attempt_id):
        raise StorageFailed("s3", "no permission for this object", "give it")

    monkeypatch.setattr(receipts, "find", refused)
    monkeypatch.setattr(Tools, "pause", lambda *_: None)


def test_an_answer_that_is_never_given_ends_its_attempt_once_it_is_surely_the_one_object(
    world: World, tools: Tools, monkeypatch
) -> None:
    monkeypatch.setattr("darkroom.store.session.up_for", lambda _: leases.LEASE * 2)
    clock = [tools.stopwatch()]
    tools = replace(tools, stopwatch=lambda: clock[0])
    batch_id = died_after_the_answer(world, tools)
    with transaction(world.engine) as connection:
        connection.execute(update(attempts).values(lease_expires_at=attempts.c.begun_at))
    with pytest.MonkeyPatch.context() as patch:
        unreadable(patch)
        assert (reap(tools), inherit(tools)) == (1, 0)
        clock[0] += HOPELESS.total_seconds()
        with pytest.MonkeyPatch.context() as away:
            away.setattr(type(tools.blobs), "check", lambda _: refused_by_all())
            assert inherit(tools) == 0
        assert states(world, batch_id) == [JobState.RUNNING]
        assert inherit(tools) == 1
    [row] = world.attempts()
    assert (row.state, row.failure["code"]) == ("unknown", "receipt_unreadable")
    assert "no permission for this object" in row.failure["message"]
    assert states(world, batch_id) == [JobState.QUEUED]
    looked_for_and_found(world, tools, batch_id)
    agree(world)


def refused_by_all() -> None:
    raise StorageFailed("s3", "the storage is away", "wait")


def looked_for_and_found(world: World, tools: Tools, batch_id) -> None:
    """It was readable again before anything was paid a second time."""
    assert "an earlier answer is looked for" in asked_again(world, tools, batch_id)
    assert inherit(tools) == 1
    assert states(world, batch_id) == [JobState.SUCCEEDED]
    assert world.sandbox.totals()["calls"] == 1


@pytest.mark.parametrize(("stage", "outcome"), [("input", Failed), ("output", Unknown)])
def test_a_refusal_of_what_was_drawn_is_money_at_risk(tools: Tools, stage: str, outcome) -> None:
    details = {"moderation_stage": stage, "categories": ["violence"]}
    error = {"message": "no", "code": "moderation_blocked", "moderation_details": details}
    answer = Answer(400, {}, json.dumps({"error": error}).encode(), 1)
    request = {"model": "gpt-image-2", "n": 1, "quality": "low", "size": "1024x1024"}
    judged = judge(tools, "default", request, answer)
    assert isinstance(judged, outcome)
    assert judged.failure.klass is FailureClass.MODERATION
