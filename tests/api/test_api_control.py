"""Pausing, resuming and cancelling: at once, as often as one likes, and never against what has ended."""

from decimal import Decimal
from uuid import UUID

import pytest
from desk import assert_problem
from sqlalchemy import func, select

from api.money import plain
from darkroom.domain.batch import BudgetOf, PausedReason
from darkroom.domain.failure import FailureClass
from darkroom.store import batches, budgets, jobs, pausing, providers, queues
from darkroom.store.budgets import Allowance
from darkroom.store.hints import About, Listener
from darkroom.store.reservations import BeginRefused
from darkroom.store.tables import jobs as job_rows


@pytest.fixture
def say(client):
    """Tells a batch something."""

    def post(batch_id, verb, **body):
        name = batch_id if isinstance(batch_id, str) else f"batch_{batch_id.hex}"
        return client.post(f"/api/v1/batches/{name}/{verb}", json=body or None)

    return post


def told(response) -> dict:
    assert response.status_code == 200, response.text
    return response.json()


def dispatchable(make, batch_id) -> bool:
    with make.transaction() as connection:
        return batch_id in {
            b.id for b in queues.dispatchable(connection, "default", make.project_id)
        }


def test_a_paused_batch_makes_no_call_and_a_resumed_one_does(say, make):
    batch_id = make.in_progress(2)
    assert told(say(batch_id, "pause"))["paused_reason"] == "requested"
    assert not dispatchable(make, batch_id)
    assert told(say(batch_id, "resume"))["paused_reason"] is None
    with make.transaction() as connection:
        assert jobs.dispatch(connection, batch_id, ["gpt-image-2"], 5)


def test_a_batch_is_put_before_the_others_without_a_look_at_its_jobs(say, make):
    batch_id = make.in_progress(2)
    assert told(say(batch_id, "priority", priority=7))["priority"] == 7
    with make.transaction() as connection:
        [open_now] = queues.dispatchable(connection, "default", make.project_id)
        assert (open_now.id, open_now.priority) == (batch_id, 7)
        assert not connection.execute(select(func.sum(job_rows.c.priority))).scalar()


@pytest.mark.parametrize("number", [1001, -1001, 1.5, "5", None])
def test_a_priority_that_is_none_is_refused(say, make, number):
    response = say(make.in_progress(), "priority", priority=number)
    assert_problem(response, 422)


def test_what_has_ended_has_no_priority(say, make):
    batch_id = make.completed(None)
    assert_problem(say(batch_id, "priority", priority=1), 409, "batch_completed")


def test_a_retry_stands_where_the_first_stood(say, make):
    batch_id = make.completed(FailureClass.SERVER_ERROR, priority=4)
    retried = say(batch_id, "retry").json()
    assert retried["priority"] == 4
    assert told(say(batch_id, "priority", priority=-3))["priority"] == -3


@pytest.mark.parametrize("reason", ["requested", "held"])
def test_a_second_pause_changes_nothing(say, make, reason):
    batch_id = make.in_progress()
    first = told(say(batch_id, "pause", reason=reason))
    assert first["paused_reason"] == reason
    assert told(say(batch_id, "pause", reason="held")) == first


def test_a_person_s_word_stands_above_a_machine_s(say, make):
    batch_id = make.in_progress()
    with make.transaction() as connection:
        batches.pause_key(connection, "default", "it was refused")
    assert told(say(batch_id, "pause"))["paused_reason"] == "requested"
    with make.transaction() as connection:
        batches.release_key(connection, "default")
    assert not dispatchable(make, batch_id)


@pytest.mark.parametrize("reason", ["budget", "provider_key", "", 7])
def test_only_a_person_s_reasons_are_taken(say, make, reason):
    assert_problem(say(make.in_progress(), "pause", reason=reason), 422)


def test_a_batch_is_paused_before_its_file_is_read(say, make):
    assert told(say(make.validating(), "pause"))["status"] == "validating"


def test_resuming_what_goes_on_already_is_no_harm(say, make):
    batch_id = make.in_progress()
    assert told(say(batch_id, "resume"))["status"] == "in_progress"


@pytest.fixture
def key_paused(make):
    """A batch that waits for the provider's key, which is refused."""
    batch_id = make.in_progress()
    with make.transaction() as connection:
        providers.pause(connection, "default", "fingerprint", "it was refused")
        batches.pause(connection, batch_id, PausedReason.PROVIDER_KEY, "it was refused")
    yield batch_id
    with make.transaction() as connection:
        providers.resume(connection, batch_id)


def _key_is_paused(make) -> bool:
    with make.transaction() as connection:
        return providers.standing(connection, "default", "fingerprint").paused_reason is not None


def test_only_an_admin_lets_the_providers_key_be_tried_again(say, make, key_paused, project):
    assert_problem(say(key_paused, "resume"), 403, "scope_missing")
    assert _key_is_paused(make)
    url = f"/api/v1/batches/batch_{key_paused.hex}/resume"
    assert told(project.clients["admin"].post(url))["paused_reason"] is None
    assert not _key_is_paused(make)


@pytest.mark.usefixtures("key_paused")
def test_a_submitter_resumes_their_batch_and_leaves_the_key_alone(say, make):
    batch_id = make.in_progress()
    told(say(batch_id, "pause"))
    assert told(say(batch_id, "resume"))["paused_reason"] is None
    assert _key_is_paused(make)


def test_a_new_budget_is_the_cap_from_now_on(say, make):
    batch_id = make.in_progress(3, cap=Decimal("0.01"))
    make.succeed(make.begin(batch_id), cost="0.009")
    with pytest.raises(BeginRefused):
        make.begin(batch_id)
    assert told(say(batch_id, "resume", budget="20"))["cost"]["cap"] == "20"
    make.begin(batch_id)


def test_a_budget_below_what_is_spent_is_refused_and_changes_nothing(say, make, client):
    batch_id = make.in_progress(2, cap=Decimal(1))
    make.succeed(make.begin(batch_id), cost="0.5")
    told(say(batch_id, "pause"))
    for budget in ("0.5", "0.000000001"):
        problem = assert_problem(say(batch_id, "resume", budget=budget), 409, "over_budget")
        assert "0.5 is spent" in problem["detail"]
    kept = client.get(f"/api/v1/batches/batch_{batch_id.hex}").json()
    assert (kept["cost"]["cap"], kept["paused_reason"]) == ("1", "requested")


@pytest.fixture
def budget_paused(make):
    """A batch whose next call has no room in its own budget."""
    batch_id = make.in_progress(3, cap=Decimal("0.6"))
    make.succeed(make.begin(batch_id), cost="0.599")
    with pytest.raises(BeginRefused) as refused:
        make.begin(batch_id)
    with make.transaction() as connection:
        bound = refused.value.bound
        assert pausing.pause_for_budget(connection, batch_id, bound, BudgetOf.BATCH, "no room")
    return batch_id, Decimal("0.599") + bound


def test_what_would_only_pause_again_is_told_what_its_next_call_needs(
    say, make, client, budget_paused
):
    batch_id, least = budget_paused
    paused = client.get(f"/api/v1/batches/batch_{batch_id.hex}").json()
    assert paused["budget_needed"] == plain(least)
    for body in ({}, {"budget": "0.6001"}, {"budget": "0.0001"}):
        problem = assert_problem(say(batch_id, "resume", **body), 409, "over_budget")
        assert problem["detail"].endswith(f"give a budget of {plain(least)} or more")
    still = client.get(f"/api/v1/batches/batch_{batch_id.hex}").json()
    assert still | {"images_per_minute": paused["images_per_minute"]} == paused
    resumed = told(say(batch_id, "resume", budget=plain(least)))
    assert (resumed["paused_reason"], resumed["budget_needed"]) == (None, None)
    make.begin(batch_id)


def test_what_a_projects_budget_holds_is_not_resumed_either(say, make, budget_paused):
    """And is told whose budget that is: no budget of its own helps."""
    batch_id, _ = budget_paused
    with make.transaction() as connection:
        budgets.allow(connection, {make.project_id: Allowance(total=Decimal("0.6"))})
    problem = assert_problem(say(batch_id, "resume", budget="5"), 409, "over_budget")
    assert "budgets of its project" in problem["detail"]


@pytest.mark.parametrize("budget", ["0", "-1", "x", "1e-10", True])
def test_a_budget_that_is_none_is_refused(say, make, budget):
    assert_problem(say(make.in_progress(), "resume", budget=budget), 422)


def test_a_budget_of_a_retry_is_what_the_first_has_left_of_it(say, make, client):
    batch_id = make.in_progress(2, cap=Decimal(1))
    make.succeed(make.begin(batch_id), cost="0.4")
    make.fail(make.begin(batch_id), cost="0.1")
    make.end()
    retry = say(batch_id, "retry").json()
    told(say(batch_id, "resume", budget="2"))
    alone = client.get(f"/api/v1/batches/{retry['id']}").json()
    assert alone["cost"]["cap"] == "1.5"
    assert_problem(say(batch_id, "resume", budget="0.5"), 409, "over_budget")


def test_a_budget_is_shared_among_all_that_is_open(say, make, client):
    """Two retries that run at once stay under the family's budget together."""
    batch_id = make.completed(
        None, FailureClass.SERVER_ERROR, FailureClass.MODERATION, cap=Decimal(1)
    )
    for only in ("server_error", "moderation"):
        assert say(batch_id, "retry", only=[only]).is_success
    family = told(say(batch_id, "resume", budget="2"))
    caps = [
        Decimal(client.get(f"/api/v1/batches/{retry}").json()["cost"]["cap"])
        for retry in family["retries"]
    ]
    spent = Decimal(family["cost"]["spent"])
    assert len(caps) == 2
    assert Decimal("1.99") < spent + sum(caps) <= 2
    assert Decimal(family["cost"]["cap"]) == spent + sum(caps)


def test_an_earlier_retry_that_has_ended_says_so(say, make):
    batch_id = make.completed(FailureClass.SERVER_ERROR)
    first = say(batch_id, "retry").json()
    make.fail(make.begin(UUID(first["id"].removeprefix("batch_"))))
    make.end()
    say(batch_id, "retry")
    assert_problem(say(first["id"], "resume", budget="9"), 409, "batch_completed")


def test_cancelling_twice_is_cancelling_once(say, make):
    batch_id = make.in_progress(3)
    running = make.begin(batch_id)
    first = told(say(batch_id, "cancel"))
    assert first["status"] == "cancelling"
    assert told(say(batch_id, "cancel")) == first
    assert not dispatchable(make, batch_id)
    make.succeed(running)
    with make.transaction() as connection:
        assert jobs.cancel(connection, batch_id, 100) == 2
    make.end()
    last = told(say(batch_id, "cancel"))
    assert (last["status"], last["ended"]) == ("cancelled", True)
    assert (last["counts"]["cancelled"], last["counts"]["succeeded"]) == (2, 1)


def test_what_is_being_cancelled_is_neither_paused_nor_resumed(say, make):
    batch_id = make.in_progress()
    told(say(batch_id, "cancel"))
    for verb in ("pause", "resume"):
        assert_problem(say(batch_id, verb), 409, "batch_cancelling")


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_what_has_ended_stays_as_it_ended(say, make, verb):
    completed, refused = make.completed(None), make.refused()
    problem = assert_problem(say(completed, verb), 409, "batch_completed")
    assert "completed" in problem["detail"]
    assert_problem(say(refused, verb), 409, "batch_failed")


def test_the_first_of_a_family_speaks_for_its_retry(say, make):
    batch_id = make.completed(FailureClass.SERVER_ERROR)
    say(batch_id, "retry")
    assert told(say(batch_id, "pause"))["paused_reason"] == "requested"
    assert told(say(batch_id, "resume"))["paused_reason"] is None
    assert told(say(batch_id, "cancel"))["status"] == "cancelling"


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry"])
def test_workers_are_hinted(say, make, desk, verb):
    batch_id = make.completed(FailureClass.SERVER_ERROR) if verb == "retry" else make.in_progress()
    listener = Listener(desk.engine)
    try:
        assert say(batch_id, verb).is_success
        assert About.JOBS in listener.wait(10)
    finally:
        listener.close()


@pytest.mark.parametrize("verb", ["pause", "resume", "retry"])
@pytest.mark.parametrize("body", [{"unknown": 1}, {"reason": {}}, {"budget": []}, {"only": "5xx"}])
def test_bodies_that_say_something_else_are_refused(say, make, verb, body):
    assert_problem(say(make.in_progress(), verb, **body), 422)
