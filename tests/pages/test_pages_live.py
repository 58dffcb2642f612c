"""What moves, moves on the page: one look at the record for all who watch, and the end of every stream."""

import json
import signal
from contextlib import contextmanager

import pytest
from desk import Desk, admitted, serving
from factories import Factory

from darkroom.blobs import open_store
from darkroom.domain.ids import BATCH, shown
from darkroom.store import hints, workers
from darkroom.store.session import open_engine


@contextmanager
def _following(client, path, **headers):
    """The events of a stream, one by one, comments included."""
    with client.stream("GET", path, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines):
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = fields.get(name, "") + value.removeprefix(" ") + "\n"
        elif fields:
            yield {name: value.rstrip("\n") for name, value in fields.items()}
            fields = {}


def _ring(make) -> None:
    with make.transaction() as connection:
        hints.ring(connection)


@pytest.fixture
def program(desk, project):
    """A client of the API, with a key that may look."""
    bearer = f"Bearer {admitted(desk, project.id, 'read')}"
    with desk.client(Authorization=bearer) as client:
        yield client


def test_a_batch_is_followed_to_its_end(program, make):
    batch_id = make.in_progress()
    begun = make.begin(batch_id)
    with _following(program, f"/api/v1/batches/{shown(BATCH, batch_id)}/events") as events:
        first = next(events)
        assert first["event"] == "batch"
        assert json.loads(first["data"])["counts"]["running"] == 1
        make.succeed(begun)
        make.end()
        _ring(make)
        rest = list(events)
    assert rest[-1]["event"] == "ended"
    assert json.loads(rest[-1]["data"])["status"] == "completed"
    assert len({one["id"] for one in [first, *rest]}) == 1 + len(rest)


def test_who_has_seen_the_latest_is_told_nothing_until_it_changes(program, make):
    batch_id = make.in_progress()
    path = f"/api/v1/batches/{shown(BATCH, batch_id)}/events"
    with _following(program, path) as events:
        seen = next(events)["id"]
    with _following(program, path, **{"Last-Event-ID": seen}) as events:
        with make.transaction() as connection:
            hints.ring(connection)
        make.begin(batch_id)
        _ring(make)
        changed = next(events)
    assert changed["id"] != seen
    assert json.loads(changed["data"])["counts"]["running"] == 1


def test_who_comes_back_after_all_was_over_is_told_so(program, make):
    path = f"/api/v1/batches/{shown(BATCH, make.completed(None))}/events"
    with _following(program, path, **{"Last-Event-ID": "of-long-ago"}) as events:
        assert [one["event"] for one in events] == ["ended"]


def test_nobody_follows_another_projects_batch(desk, make):
    path = f"/api/v1/batches/{shown(BATCH, make.in_progress())}/events"
    with desk.client() as stranger:
        assert stranger.get(path).status_code == 401
        bearer = {"Authorization": f"Bearer {admitted(desk, 'another-project', 'admin')}"}
        answer = stranger.get(path, headers=bearer)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_page_is_told_in_its_own_words_and_readers_get_no_button(browser, reader, make):
    batch_id = make.in_progress(name="<b>bold</b>")
    path = f"/batches/{shown(BATCH, batch_id)}/stream"
    with _following(browser, path) as events:
        assert "Pause" in next(events)["data"]
    with _following(reader, path) as events:
        html = next(events)["data"]
    assert "Developing" in html
    assert "<button" not in html
    with _following(browser, "/stream") as events:
        assert "&lt;b&gt;bold" in next(events)["data"]


def test_the_gallery_and_the_list_hear_of_what_was_made(browser, make):
    batch_id = make.in_progress()
    with _following(browser, f"/batches/{shown(BATCH, batch_id)}/gallery/stream") as events:
        assert "<strong>0</strong>" in next(events)["data"]
        make.succeed(make.begin(batch_id))
        _ring(make)
        assert any("<strong>1</strong>" in one["data"] for one in events)


def test_the_system_page_hears_of_what_is_in_flight_and_of_who_works(browser, make):
    assert 'data-live="/system/stream"' in browser.get("/system").text
    batch_id = make.in_progress()
    with _following(browser, "/system/stream") as events:
        assert "w-that-comes" not in next(events)["data"]
        make.begin(batch_id)
        with make.transaction() as connection:
            workers.beat(connection, "w-that-comes", 7)
        _ring(make)
        assert any(
            "w-that-comes" in one["data"] and '<div class="busy"><dt>In flight' in one["data"]
            for one in events
        )
    with make.transaction() as connection:
        workers.leave(connection, "w-that-comes")


def test_a_server_that_is_watched_still_stops(postgres_server, template, tmp_path):
    """Without being told, it would wait for its last stream to end."""
    url = postgres_server.create("watched_and_stopped", template)
    engine = open_engine(url)
    try:
        with serving(tmp_path, DARKROOM_DATABASE_URL=url) as (address, process):
            here = Desk(
                address, process, engine, open_store((tmp_path / "blobs").as_uri()), tmp_path
            )
            key = admitted(here, "p", "read")
            make = Factory(engine, here.blobs, "p")
            path = f"/api/v1/batches/{shown(BATCH, make.in_progress())}/events"
            with (
                here.client(Authorization=f"Bearer {key}") as client,
                _following(client, path) as events,
            ):
                next(events)
                process.send(signal.SIGTERM)
                assert list(events) == []
            process.wait(10)
    finally:
        engine.dispose()
        postgres_server.drop("watched_and_stopped")
