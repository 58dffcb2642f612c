"""What a worker makes of answers that are not what was asked for, and of a key or a budget that is used up."""

import signal
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hands import due_now, handed_out
from sqlalchemy import update
from world import World

from darkroom.blobs import open_store
from darkroom.domain.batch import PausedReason
from darkroom.domain.facts import OFFICIAL, packaged_toml, read_profiles
from darkroom.domain.job import JobState
from darkroom.store import batches, hints, providers
from darkroom.store.session import transaction
from darkroom.store.tables import attempts, jobs
from worker.attempt import attempt
from worker.dispatch import dispatch
from worker.ingest import ingest
from worker.tools import Tools
from worker.upstream import today


def test_a_call_that_is_cut_in_mid_answer_keeps_the_name_that_the_provider_has_for_it(
    world: World, tools: Tools
) -> None:
    """By that name it stands in the provider's books, and can be settled."""
    _, [message] = handed_out(world, tools, "[[fault:cut_middle]] A print")
    assert attempt(tools, message.job_id, message.token).failed
    [ours], [theirs] = world.attempts(), world.sandbox.calls()
    assert (ours.state, ours.request_id) == ("unknown", theirs["request_id"])


def test_of_three_images_only_the_missing_is_asked_again(world: World) -> None:
    world.start_worker()
    batch_id = world.submit([{"prompt": "[[fault:missing_one*1]] Three prints", "n": 3}])
    world.until_view(batch_id, lambda view: view.images == 2)
    due_now(world)
    view = world.until(batch_id)
    assert (view.counts.succeeded, view.images) == (1, 3)
    assert [call["n"] for call in world.sandbox.calls()] == [3, 1]
    assert world.sandbox.totals()["images_billed"] == 3


def test_an_image_of_another_size_or_format_is_kept_and_shown_and_not_asked_again(
    world: World,
) -> None:
    world.start_worker()
    view = world.until(
        world.submit(["[[fault:wrong_size]] A print", "[[fault:wrong_format]] A print"])
    )
    assert (view.images, view.mismatched, view.counts.succeeded) == (0, 2, 2)
    assert world.sandbox.totals()["calls"] == 2


@pytest.mark.parametrize("fault", ["html_200", "truncated_json", "empty_data", "not_an_image"])
def test_a_success_without_an_image_is_money_at_risk(world: World, fault: str) -> None:
    world.start_worker(DARKROOM_ON_UNKNOWN="fail")
    batch_id = world.submit([f"[[fault:{fault}]] A print"])
    view = world.until(batch_id)
    assert (view.counts.failed, view.unknown, view.images) == (1, 1, 0)
    assert view.cost.at_risk > view.cost.spent == 0
    [attempt] = world.attempts()
    assert open_store(world.storage_url).kept(f"receipts/{attempt.id.hex}")
    assert world.sandbox.totals()["calls"] == 1


def test_what_the_provider_failed_at_may_have_been_billed_and_is_tried_again(world: World) -> None:
    world.start_worker()
    batch_id = world.submit(["[[fault:server_error*1]] A print"])
    world.until_view(batch_id, lambda view: view.unknown == 1)
    due_now(world)
    view = world.until(batch_id)
    assert (view.counts.succeeded, view.unknown, view.images) == (1, 1, 1)
    assert view.cost.at_risk > 0
    first = world.attempts()[0]
    assert (first.state, first.failure["class"]) == ("unknown", "server_error")


def test_a_receipt_that_cannot_be_judged_does_not_stop_the_reaper(world: World) -> None:
    dying = world.start_worker("crash_app", CRASH_AT="after_receipt", CRASH_BY="SIGKILL")
    batch_id = world.submit(["A print"])
    dying.wait()
    [attempt] = world.attempts()
    with transaction(world.engine) as connection:
        connection.execute(update(jobs).values(request=jobs.c.request.op("-")("model")))
        long_ago = attempt.begun_at
        connection.execute(update(attempts).values(lease_expires_at=long_ago))
    world.start_worker(DARKROOM_ON_UNKNOWN="fail")
    view = world.until(batch_id)
    assert (view.counts.failed, view.unknown) == (1, 1)
    assert open_store(world.storage_url).kept(f"receipts/{attempt.id.hex}")


def test_a_refused_key_pauses_the_batch_and_costs_no_job_anything(world: World) -> None:
    world.start_worker()
    batch_id = world.submit(["[[fault:quota*1]] A print", "Another print"])
    world.until_view(batch_id, lambda view: view.paused_reason == PausedReason.PROVIDER_KEY)
    with transaction(world.engine) as connection:
        providers.resume(connection, batch_id)
        batches.resume(connection, batch_id)
        hints.ring(connection)
    due_now(world)
    view = world.until(batch_id)
    assert view.counts.succeeded == 2
    assert all(job.failure is None for job in world.jobs(batch_id))


def test_a_budget_is_never_passed_and_more_of_it_goes_on(world: World) -> None:
    world.start_worker()
    batch_id = world.submit([f"Print {number}" for number in range(6)], cap="0.02")
    view = world.until_view(batch_id, lambda view: view.paused_reason == PausedReason.BUDGET)
    assert view.cost.spent <= view.cost.cap
    assert world.sandbox.totals()["images_billed"] == view.counts.succeeded == 3
    with transaction(world.engine) as connection:
        batches.resume(connection, batch_id, cap=view.cost.cap * 10)
        hints.ring(connection)
    due_now(world)
    assert world.until(batch_id).counts.succeeded == 6


def test_what_was_begun_on_one_provider_is_not_ended_by_another(world: World) -> None:
    world.start_worker(DARKROOM_PROVIDER="another")
    batch_id = world.submit(["A print"])
    world.until_view(batch_id, lambda view: view.counts.queued == 1)
    other = world.submit(["Another print"], provider="another")
    assert world.until(other).counts.succeeded == 1
    assert world.jobs(batch_id)[0].state is JobState.QUEUED


def test_a_worker_that_cannot_work_takes_no_message(world: World) -> None:
    bad = world.launch_worker(OPENAI_BASE_URL="nonsense")
    assert bad.wait() != 0
    bad.saw("this worker cannot start")


def test_a_projects_day_is_never_passed_and_a_raised_cap_goes_on_by_itself(world: World) -> None:
    first = world.start_worker(DARKROOM_PROJECTS='{"default": {"budget_per_day": 0.02}}')
    batch_id = world.submit([f"Print {number}" for number in range(6)])
    view = world.until_view(batch_id, lambda view: view.paused_reason == PausedReason.BUDGET)
    assert "the budget of project default for 20" in view.paused_detail
    assert world.sandbox.totals()["images_billed"] == view.counts.succeeded == 3
    first.saw("budget_threshold")
    first.send(signal.SIGTERM)
    first.wait()
    world.start_worker(DARKROOM_PROJECTS='{"default": {"budget_per_day": 0.2}}')
    world.until_view(batch_id, lambda view: view.paused_reason is None)
    due_now(world)
    assert world.until(batch_id).counts.succeeded == 6


def test_a_model_that_ends_overnight_fails_its_jobs_and_holds_up_no_other(
    world: World, tools: Tools
) -> None:
    """The worker has run since yesterday, when the model was still there."""
    tomorrow = today() + timedelta(days=1)
    ends = {"gpt-image-2": {"shutdown": tomorrow, "replacement": "gpt-image-2.6-flare"}}
    usual, sent = tools.upstreams["default"], []

    def on(days: int) -> Tools:
        late = replace(
            usual,
            profile_on=lambda day: read_profiles(
                packaged_toml(), day + timedelta(days=days), {"models": ends}
            )[OFFICIAL],
        )
        return replace(tools, upstreams={"default": late}, publish=sent.extend)

    batch_id = world.submit(["[[fault:no_model]] A print"])
    assert ingest(on(0))
    dispatch(on(0))
    assert attempt(on(1), sent[0].job_id, sent[0].token).failed
    [job] = world.jobs(batch_id)
    assert (job.state, job.failure["code"]) == (JobState.FAILED, "model_retired")
    assert f"was shut down on {tomorrow}; use gpt-image-2.6-flare" in job.failure["message"]
    assert world.batch(batch_id).paused_reason is None
    assert world.batch(_refused(world, on(1))).problems[0]["code"] == "model_retired"


def _refused(world: World, tools: Tools) -> UUID:
    batch_id = world.submit(["A print"])
    assert not ingest(tools)
    return batch_id
