"""The API over a real socket: typed replies, paging, patience, and one clear error for the rest."""

from http.server import ThreadingHTTPServer
from threading import Event, Thread

import pytest
from canned import API_KEY, BATCH_ID, Handler, batch, job

from darkroom.cli.client import Client
from darkroom.cli.ending import CliError, Exit, Unreachable, status_of
from darkroom.cli.refused import NotFound
from darkroom.domain.batch import BatchStatus
from darkroom.local.ports import free_port


@pytest.fixture
def client(api):
    with Client(api.url, API_KEY) as client:
        yield client


@pytest.fixture
def asleep(api):
    """The same API at an address where nobody listens until it is woken, and what wakes it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.api = api
    server.server_bind()
    thread = Thread(target=server.serve_forever, args=(0.02,))

    def wake():
        server.server_activate()
        thread.start()

    yield f"http://127.0.0.1:{server.server_port}", wake
    if thread.is_alive():
        server.shutdown()
        thread.join()
    server.server_close()


def test_a_batch_is_read_whole(api, client):
    told = batch(cost={"cap": "12.50", "at_risk": "0.2"}, counts={"succeeded": 1, "failed": 1})
    api.knows(told)
    read = client.batch(BATCH_ID)
    assert (read.status, read.counts.failed, read.ended) == (BatchStatus.COMPLETED, 1, True)
    assert (str(read.cost.cap), str(read.cost.at_risk)) == ("12.50", "0.2")
    assert read.reply == told


def test_jobs_are_read_page_by_page(api, client):
    api.has_jobs([job(1, "a"), job(2, "b")], [job(3, "c")])
    assert [one.custom_id for one in client.jobs(BATCH_ID)] == ["a", "b", "c"]


def test_only_published_images_are_a_jobs_images(api, client):
    kept = api.has_image("a", b"kept")
    surplus = api.has_image("b", b"more") | {"disposition": "surplus"}
    api.has_jobs([job(1, "a", [surplus, kept])])
    [read] = client.jobs(BATCH_ID)
    assert [one.sha256 for one in read.images] == [kept["sha256"]]


@pytest.mark.parametrize(
    ("status", "kind", "exit_status"),
    [
        (401, CliError, Exit.REFUSED),
        (404, NotFound, Exit.REFUSED),
        (409, CliError, Exit.REFUSED),
        (422, CliError, Exit.REFUSED),
        (500, CliError, Exit.STOPPED),
        (503, Unreachable, Exit.STOPPED),
    ],
)
def test_a_problem_document_becomes_one_line(api, client, status, kind, exit_status):
    problem = {
        "title": "No",
        "detail": "it is\nso",
        "errors": [{"detail": "rows[3].size: 1x1"}],
    }
    api.on("POST", f"/api/v1/batches/{BATCH_ID}/cancel", problem, status=status)
    with pytest.raises(kind) as refusal:
        client.cancel(BATCH_ID)
    assert "it is so; rows[3].size: 1x1" in str(refusal.value)
    assert refusal.value.status is exit_status
    assert API_KEY not in str(refusal.value)


@pytest.mark.parametrize("answer", [b"<html>hello", {"id": "x"}, [], {**batch(), "status": "odd"}])
def test_something_else_than_our_api_is_named(api, client, answer):
    api.on("GET", f"/api/v1/batches/{BATCH_ID}", answer)
    with pytest.raises(CliError, match="is not this version's API"):
        client.batch(BATCH_ID)


def test_a_wrong_key_is_not_repeated(api):
    with Client(api.url, "dk_wrong") as client, pytest.raises(CliError) as refusal:
        client.batch(BATCH_ID)
    assert "does not take this key" in str(refusal.value)
    assert "dk_wrong" not in str(refusal.value)


def test_nobody_there_is_told_with_the_fix():
    with (
        Client(f"http://127.0.0.1:{free_port()}", API_KEY) as client,
        pytest.raises(Unreachable, match="`darkroom up`"),
    ):
        client.batches()


def test_a_command_under_way_waits_for_an_api_that_comes_back(api):
    path = f"/api/v1/batches/{BATCH_ID}"
    api.answers["GET", path] = [(200, batch()), (503, {"title": "away"}), (200, batch())]
    said = []
    with Client(api.url, API_KEY, patience=20, say=said.append) as client:
        client.batch(BATCH_ID)
        assert client.batch(BATCH_ID).ended
    away, back = said
    assert "does not answer (status 503: away); trying again for 20 s" in away
    assert back == "the API answers again"


def test_a_signal_ends_that_wait(api):
    path = f"/api/v1/batches/{BATCH_ID}"
    api.answers["GET", path] = [(200, batch()), (503, {"title": "away"})]
    stopping = Event()
    with Client(
        api.url, API_KEY, patience=600, stopping=stopping, say=lambda _: stopping.set()
    ) as client:
        client.batch(BATCH_ID)
        with pytest.raises(Unreachable):
            client.batch(BATCH_ID)


def test_an_api_that_was_never_heard_is_not_waited_for_unless_it_should_be_there():
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, API_KEY, patience=600) as client, pytest.raises(Unreachable) as away:
        client.batches()
    assert "`darkroom up`" in str(away.value)
    said = []
    with (
        Client(url, API_KEY, first=0.1, fix="its stack runs", say=said.append) as client,
        pytest.raises(Unreachable, match="; its stack runs"),
    ):
        client.batches()
    assert "trying again" in said[0]


def test_what_nobody_took_is_sent_again_and_what_somebody_may_have_taken_is_not(api, asleep):
    """A connection that is refused leaves nothing behind; an answer of 503 may come after the deed."""
    path = f"/api/v1/batches/{BATCH_ID}/cancel"
    api.on("POST", path, batch())
    url, wake = asleep
    with Client(url, API_KEY, first=20, say=lambda said: "again for" in said and wake()) as client:
        assert client.cancel(BATCH_ID).ended
        api.on("POST", path, {"title": "away"}, status=503)
        with pytest.raises(Unreachable):
            client.cancel(BATCH_ID)
    assert len(api.bodies("POST", path)) == 2


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Exit.MADE),
        ({"unknown": 1, "cost": {"at_risk": "0.2"}}, Exit.MADE),
        ({"counts": {"succeeded": 1, "failed": 1}}, Exit.FAILURES),
        ({"counts": {"succeeded": 1, "expired": 1}, "status": "expired"}, Exit.FAILURES),
        ({"counts": {"succeeded": 1, "cancelled": 1}, "status": "cancelled"}, Exit.FAILURES),
        ({"status": "failed", "counts": {"total": 0}}, Exit.REFUSED),
        ({"status": "in_progress", "ended": False, "paused_reason": "budget"}, Exit.STOPPED),
    ],
)
def test_the_exit_status_says_how_a_batch_stands(api, client, changes, status):
    api.knows(batch(**changes))
    assert status_of(client.batch(BATCH_ID)) is status
