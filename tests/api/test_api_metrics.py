"""/metrics: for the operator's keys and the monitor's own token, and about nobody in particular."""

from uuid import uuid4

import pytest
from desk import METRICS_TOKEN, admitted, assert_problem
from monitor import parsed


def _read(desk, secret):
    with desk.client(Authorization=f"Bearer {secret}") as client:
        return client.get("/metrics")


def test_nobody_without_a_key_reads_it(stranger):
    assert_problem(stranger.get("/metrics"), 401, "key_missing")


def test_a_wrong_token_is_no_key(desk):
    assert_problem(_read(desk, METRICS_TOKEN[:-1]), 401, "key_unknown")


def test_another_project_s_key_does_not_see_what_all_spend(project):
    assert_problem(project.clients["admin"].get("/metrics"), 403, "other_project")


@pytest.mark.parametrize("holder", ["token", "key"])
def test_the_operator_reads_it(desk, holder):
    secret = METRICS_TOKEN if holder == "token" else admitted(desk, "default", "read")
    answer = _read(desk, secret)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    values = parsed(answer.text)
    up = {labels["dependency"]: value for labels, value in values["darkroom_dependency_up"]}
    assert up == {"postgres": 1, "migrations": 1, "storage": 1, "redis": 1}


def _value(values, name, **wanted):
    [value] = [value for labels, value in values[name] if labels == wanted]
    return value


def test_it_counts_what_is_open_and_names_nobody(desk, project):
    before = parsed(_read(desk, METRICS_TOKEN).text)
    custom = project.make.in_progress(3, name=f"night-{uuid4().hex}")
    begun = project.make.begin(custom)
    project.make.succeed(begun)
    project.make.begin(custom)
    text = _read(desk, METRICS_TOKEN).text
    after = parsed(text)
    grown = {
        name: _value(after, "darkroom_jobs", state=name)
        - _value(before, "darkroom_jobs", state=name)
        for name in ("queued", "dispatched", "running")
    }
    assert grown == {"queued": 1, "dispatched": 0, "running": 1}
    spent = "darkroom_spent_dollars_total"
    assert _value(after, spent) - _value(before, spent) == pytest.approx(0.00593)
    assert _value(after, "darkroom_images_last_minute") >= 1
    assert 0 < _value(after, "darkroom_jobs_oldest_seconds", state="running") < 600
    for name in (project.id, custom.hex, str(custom), "row-1", "a cat", "night-"):
        assert name not in text
