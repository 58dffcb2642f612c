"""What API, pages and command line are told: the latest result of every custom_id, once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from stage import LATER, draft, failed, succeeded, unknown

from darkroom.domain.batch import Counts, PausedReason
from darkroom.domain.job import JobState
from darkroom.store import batches, diagnosis, endings, insights
from darkroom.store.evidence import settle_late
from darkroom.store.retries import retry


def _view(stage, batch_id, project="default"):
    return stage.call(insights.batch, project, batch_id)


def _page(stage, batch_id, **options):
    return stage.call(insights.jobs_page, batch_id, **{"limit": 100, **options})


def _end(stage):
    stage.call(endings.finalize)
    stage.call(endings.complete)


@pytest.fixture
def night(stage):
    """A batch of six: two made, one failed, one unknown and given up, one running, one queued."""
    batch_id = stage.batch([draft(line) for line in range(2, 8)], cap="20")
    messages = stage.dispatch(batch_id, 5)
    outcomes = [succeeded("0.5", 2), succeeded(), failed(cost="0.125"), unknown()]
    for message, outcome in zip(messages, outcomes, strict=False):
        stage.settle(stage.begin(message), outcome)
    stage.begin(messages[-1])
    return batch_id


def test_a_batch_is_shown_with_its_counts_and_its_money(stage, night):
    view = _view(stage, night)
    assert view.counts == Counts(total=6, queued=1, running=1, succeeded=2, failed=2)
    assert (view.unknown, view.images, view.ended) == (1, 3, False)
    assert view.cost.spent == Decimal("0.875")
    assert (view.cost.reserved, view.cost.at_risk, view.cost.room) == (1, 1, Decimal("17.125"))
    assert view.images_per_minute > 0
    assert view.eta_seconds > 0
    stage.call(batches.pause, night, PausedReason.BUDGET, "no room")
    assert _view(stage, night).eta_seconds is None, "nobody knows when somebody acts"


def test_other_projects_see_nothing(stage, night):
    assert _view(stage, night, "elsewhere") is None
    assert _view(stage, uuid4()) is None
    [job, *_] = _page(stage, night)
    assert stage.call(insights.job, "elsewhere", job.id) is None
    [image, *_] = job.images
    assert stage.call(insights.image, "elsewhere", image.attempt_id, 0) is None
    assert stage.call(insights.image, "default", image.attempt_id, 1).index == 1
    assert stage.call(insights.image, "default", image.attempt_id, 2) is None


def test_the_jobs_come_in_the_order_of_their_lines_page_by_page(stage, night):
    everything = _page(stage, night)
    assert [job.line for job in everything] == list(range(2, 8))
    seen, after = [], None
    while page := _page(stage, night, limit=2, after=after):
        seen += page
        after = page[-1].id
    assert seen == everything


def test_jobs_are_found_by_their_state(stage, night):
    found = _page(stage, night, states=[JobState.FAILED, JobState.RUNNING])
    assert [(job.line, job.state) for job in found] == [
        (4, "failed"),
        (5, "failed"),
        (6, "running"),
    ]
    assert found[0].failure["code"] == "a_code"
    assert _page(stage, night, states=[JobState.EXPIRED]) == []


def test_a_job_is_shown_with_all_its_images_costs_and_attempts(stage):
    lost = stage.unknown()
    [message] = stage.dispatch(lost.batch_id)
    stage.settle(stage.begin(message), succeeded("0.5"))
    stage.call(settle_late, lost.attempt_id, succeeded("0.25"))
    job = stage.call(insights.job, "default", lost.job_id)
    assert (job.cost, job.begun, job.request_id) == (Decimal("0.75"), 2, "req_1")
    assert sorted(image.disposition for image in job.images) == ["published", "surplus"]
    attempts = stage.call(insights.job_attempts, lost.job_id)
    assert [(a.number, a.state) for a in attempts] == [(1, "succeeded"), (2, "succeeded")]


def test_a_retried_job_is_counted_where_it_was_retried_to(stage, night, fresh_id):
    stage.sql("UPDATE attempts SET lease_expires_at = now() - interval '1 s'")
    for message in stage.dispatch(night):
        stage.settle(stage.begin(message), succeeded())
    [running] = [job for job in _page(stage, night) if job.state is JobState.RUNNING]
    row = stage.one("SELECT * FROM attempts WHERE state = 'running'")
    assert row.job_id == running.id
    from_row = insights.AttemptView.__slots__
    assert set(from_row) <= set(row._mapping)
    stage.sql("UPDATE jobs SET state = 'succeeded' WHERE state = 'running'")
    stage.sql("UPDATE attempts SET state = 'not_sent' WHERE state = 'running'")
    stage.sql("UPDATE batches SET running = 0, succeeded = succeeded + 1, reserved = 0")
    _end(stage)
    assert stage.call(retry, night, fresh_id, None) == 1
    view = _view(stage, night)
    assert view.counts == Counts(total=6, queued=1, succeeded=4, failed=1)
    assert (view.retries, view.status, view.ended) == ((fresh_id,), "in_progress", False)
    lines = [(job.line, job.batch_id == fresh_id) for job in _page(stage, night)]
    assert lines == [(2, False), (3, False), (4, True), (5, False), (6, False), (7, False)]
    [message] = stage.dispatch(fresh_id)
    stage.settle(stage.begin(message), succeeded())
    _end(stage)
    assert _view(stage, night).ended
    assert _view(stage, fresh_id).retry_of == night


def test_batches_are_listed_newest_first_without_their_retries(stage, fresh_id):
    made = [stage.batch() for _ in range(5)]
    [message] = stage.dispatch(made[0])
    stage.settle(stage.begin(message), failed())
    _end(stage)
    stage.call(retry, made[0], fresh_id, None)
    first = stage.call(insights.page, "default", 3)
    assert [view.id for view in first] == made[:1:-1]
    rest = stage.call(insights.page, "default", 3, first[-1].id)
    assert [view.id for view in rest] == made[1::-1]
    assert stage.call(insights.page, "elsewhere", 3) == []


def test_a_batch_that_waits_has_no_idea_when_and_one_that_is_over_needs_no_time(stage):
    batch_id = stage.batch()
    assert _view(stage, batch_id).eta_seconds is None
    [message] = stage.dispatch(batch_id)
    stage.settle(stage.begin(message), failed(), LATER)
    [job] = _page(stage, batch_id)
    assert job.due_at > _view(stage, batch_id).created_at + timedelta(minutes=50)
    stage.sql("UPDATE jobs SET due_at = now()")
    [message] = stage.dispatch(batch_id)
    stage.settle(stage.begin(message), succeeded())
    _end(stage)
    view = _view(stage, batch_id)
    assert (view.eta_seconds, view.images_per_minute, view.ended) == (0.0, 0.0, True)


def test_a_report_says_what_was_made_what_failed_and_what_it_cost(stage, night):
    told = stage.call(insights.report, "default", night)
    assert (told.counts.succeeded, told.images, told.unknown, told.ended) == (2, 3, 1, False)
    assert (told.cost.spent, told.cost.at_risk) == (Decimal("0.875"), 1)
    assert {(one.klass.value, one.jobs) for one in told.failures} == {
        ("server_error", 1),
        ("unknown_outcome", 1),
    }
    assert told.untold == 0
    assert list(told.steps()) == []  # it is not over
    steps = [step.words[-1] for step in replace(told, ended=True).steps()]
    assert set(steps) == {"server_error", "unknown_outcome", "unbilled"}
    assert stage.call(insights.report, "elsewhere", night) is None


def test_a_report_reads_no_more_failures_than_it_needs(stage, night, monkeypatch):
    monkeypatch.setattr(diagnosis, "JOBS_LOOKED_AT", 1)
    told = stage.call(insights.report, "default", night)
    assert [one.jobs for one in told.failures] == [1]
    assert told.untold == 1


def test_a_report_names_the_slowest_calls(stage, night):
    stage.sql("UPDATE attempts SET latency_ms = 1000 * (job_id - (SELECT min(id) FROM jobs) + 1)")
    slow = stage.call(insights.report, "default", night).slowest
    assert [(one.custom_id, one.seconds) for one in slow] == [
        (f"sku-{line}", line - 1.0) for line in range(6, 1, -1)
    ]
