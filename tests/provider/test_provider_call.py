"""What a call does on the wire: once, in time, and honest about whether anything left."""

import gzip
import json
import socket
import threading
import time
from base64 import b64encode

import pytest
from scripted import DONE, reply

from darkroom.domain.failure import FailureClass
from darkroom.domain.room import LARGEST_IMAGE
from darkroom.provider import CallFailed, Client, Provider
from darkroom.provider.backend import Backend
from darkroom.provider.wire import LARGEST_BODY


def failure_of(call, *arguments, **options):
    with pytest.raises(CallFailed) as caught:
        call(*arguments, **options)
    return caught.value


def test_a_request_carries_what_was_asked_and_nothing_of_the_environment(
    serve, connect, call, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://of-the-environment.invalid")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-the-environment")
    server = serve(lambda peer: peer.answer(DONE))
    answer = call(connect(server.url), prompt="ein Fuchs, 狐")
    (head, body), *others = server.requests
    assert not others
    assert head.startswith(b"POST /v1/images/generations HTTP/1.1\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines.count(b"authorization: bearer sk-test-4f9a1c7e2b8d") == 1
    assert b"x-client-request-id: 0192-attempt" in lines
    assert b"user-agent: darkroom" in lines
    assert b"environment" not in head
    assert json.loads(body)["prompt"] == "ein Fuchs, 狐"
    assert (answer.status, answer.request_id) == (200, "req_7")
    assert DONE.endswith(answer.body)
    assert answer.headers == {"content-type": "application/json", "x-request-id": "req_7"}
    assert 0 <= answer.latency_ms < 5_000


@pytest.mark.parametrize("endpoint", ["/images/generations", "/v1/images/generations"])
@pytest.mark.parametrize("base", ["/v1", "/v1/", "/relay/v1"])
def test_the_base_url_ends_where_the_endpoint_begins(serve, connect, base, endpoint):
    server = serve(lambda peer: peer.answer(DONE))
    client = connect(server.url.removesuffix("/v1") + base)
    client.call(
        endpoint, {}, deadline_seconds=5, may_send=lambda: True, client_request_id="0192-attempt"
    )
    path = base.rstrip("/").encode() + b"/images/generations"
    assert server.requests[0][0].startswith(b"POST " + path + b" HTTP/1.1\r\n")


def test_the_next_address_of_a_name_is_tried(serve, connect, call, monkeypatch):
    both = ["127.0.0.2", "127.0.0.1"]
    monkeypatch.setattr(Backend, "_addresses", lambda *_: both)
    server = serve(lambda peer: peer.answer(DONE))
    assert call(connect(f"http://images.test:{server.port}/v1")).status == 200
    assert server.connections == 1


def test_one_connection_is_kept_warm(serve, connect, call):
    def twice(peer):
        peer.answer(DONE)
        peer.answer(DONE)

    server = serve(twice)
    client = connect(server.url)
    assert [call(client).status, call(client).status] == [200, 200]
    assert server.connections == 1


@pytest.mark.parametrize("status", [307, 400, 401, 408, 409, 429, 451, 500, 502, 503, 524])
def test_whatever_is_answered_is_an_answer_and_asked_for_once(serve, connect, call, status):
    headers = ("location: /elsewhere", "x-should-retry: true", "retry-after: 0", "set-cookie: a=b")
    server = serve(lambda peer: peer.answer(reply(status, {"error": {"code": "x"}}, *headers)))
    answer = call(connect(server.url))
    assert (answer.status, answer.body) == (status, b'{"error": {"code": "x"}}')
    kept = {"retry-after": "0", "x-should-retry": "true", "x-location": "/elsewhere"}
    assert answer.headers == kept
    assert len(server.requests) == server.connections == 1


def test_a_compressed_answer_is_unpacked(serve, connect, call):
    packed = gzip.compress(b'{"data": []}')
    server = serve(lambda peer: peer.answer(reply(200, packed, "content-encoding: gzip")))
    assert call(connect(server.url)).body == b'{"data": []}'


def test_an_answer_that_cannot_be_unpacked_is_an_unknown_outcome(serve, connect, call):
    server = serve(lambda peer: peer.answer(reply(200, b"no gzip", "content-encoding: gzip")))
    failed = failure_of(call, connect(server.url))
    assert (failed.failure.code, failed.sent) == ("protocol_error", True)


def test_an_answer_may_end_with_the_connection(serve, connect, call):
    server = serve(lambda peer: peer.answer(b"HTTP/1.1 200 OK\r\n\r\nthe end"))
    assert call(connect(server.url)).body == b"the end"


def cut_before(peer):
    peer.request()


def reset_before(peer):
    peer.request()
    peer.reset()


def cut_in_head(peer):
    peer.answer(DONE[:20])


def cut_in_body(peer):
    peer.answer(DONE[:-10])


def cut_in_chunk(peer):
    peer.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel")


def babble(peer):
    peer.answer(b"what do you want from me\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (cut_before, "connection_cut"),
        (reset_before, "connection_cut"),
        (cut_in_head, "connection_cut"),
        (cut_in_body, "connection_cut"),
        (cut_in_chunk, "connection_cut"),
        (babble, "protocol_error"),
    ],
)
def test_a_broken_answer_is_an_unknown_outcome_and_never_asked_for_again(
    serve, connect, call, script, code
):
    server = serve(script)
    failed = failure_of(call, connect(server.url))
    assert (failed.failure.klass, failed.failure.code) == (FailureClass.UNKNOWN_OUTCOME, code)
    assert failed.sent is True
    assert len(server.requests) == server.connections == 1


def hang(peer):
    peer.request()
    peer.until_gone()


def trickle_head(peer):
    peer.request()
    peer.trickle(DONE)


def trickle_body(peer):
    peer.request()
    peer.socket.sendall(DONE[:-100])
    peer.trickle(DONE[-100:])


def deaf(peer):
    peer.server.deaf_until.wait(5)


def test_the_deadline_is_kept_where_nobody_reads_what_we_write(serve, connect, call):
    server = serve(deaf)
    server.deaf_until = threading.Event()
    client = connect(server.url)
    begun = time.monotonic()
    failed = failure_of(call, client, deadline=0.7, prompt="x" * 30_000_000)
    assert time.monotonic() - begun < 1.2
    server.deaf_until.set()
    assert (failed.failure.code, failed.sent) == ("deadline_passed", True)


@pytest.mark.parametrize("script", [hang, trickle_head, trickle_body])
def test_the_deadline_is_kept_whatever_drips(serve, connect, call, script):
    server = serve(script)
    client = connect(server.url)
    begun = time.monotonic()
    failed = failure_of(call, client, deadline=0.7)
    assert 0.7 <= time.monotonic() - begun < 1.2
    assert (failed.failure.klass, failed.sent) == (FailureClass.UNKNOWN_OUTCOME, True)
    assert failed.failure.code == "deadline_passed"
    assert 700 <= failed.latency_ms < 1_200
    assert len(server.requests) == server.connections == 1


def test_a_client_is_of_use_after_every_kind_of_trouble(serve, connect, call):
    server = serve(hang, cut_in_body, babble, lambda peer: peer.answer(DONE))
    client = connect(server.url)
    failed = [failure_of(call, client, deadline=0.3).failure.code for _ in range(3)]
    assert failed == ["deadline_passed", "connection_cut", "protocol_error"]
    assert call(client).status == 200
    assert len(server.requests) == server.connections == 4


def test_nothing_is_written_without_leave(serve, connect, call):
    server = serve(lambda peer: peer.until_gone(), lambda peer: peer.answer(DONE))
    client = connect(server.url)
    failed = failure_of(call, client, may_send=lambda: False)
    assert (failed.failure.klass, failed.sent) == (FailureClass.LEASE_SHORT, False)
    assert call(client).status == 200
    (_head, _body), *others = server.requests
    assert not others
    assert server.received.count(b"POST") == server.connections - 1 == 1


def test_a_warm_connection_too_needs_leave(serve, connect, call):
    server = serve(lambda peer: (peer.answer(DONE), peer.until_gone()))
    client = connect(server.url)
    assert call(client).status == 200
    failed = failure_of(call, client, may_send=lambda: False)
    assert (failed.failure.klass, failed.sent) == (FailureClass.LEASE_SHORT, False)
    server.close()
    assert server.received == b"\r\n\r\n".join(server.requests[0])


def test_leave_is_asked_for_once_and_with_the_connection_made(serve, connect, call):
    connected, asked = threading.Event(), []

    def script(peer):
        connected.set()
        peer.answer(DONE)

    def may_send():
        asked.append((connected.wait(5), server.received))
        return True

    server = serve(script)
    # Long enough that it takes many writes.
    assert call(connect(server.url), may_send, prompt="x" * 1_000_000).status == 200
    assert asked == [(True, b"")]


def test_a_warm_connection_that_was_closed_is_replaced_before_anything_is_sent(
    serve, connect, call
):
    closed = threading.Event()

    def once(peer):
        peer.answer(DONE)
        peer.socket.close()
        closed.set()

    server = serve(once, lambda peer: peer.answer(DONE))
    client = connect(server.url)
    assert call(client).status == 200
    assert closed.wait(5)
    assert call(client).status == 200
    assert len(server.requests) == server.connections == 2


def test_a_warm_connection_that_closes_as_we_write_is_an_unknown_outcome(serve, connect, call):
    leave, closed = threading.Event(), threading.Event()

    def once(peer):
        peer.answer(DONE)
        leave.wait(5)
        peer.reset()
        closed.set()

    def may_send():
        leave.set()
        return closed.wait(5)

    server = serve(once)
    client = connect(server.url)
    assert call(client).status == 200
    failed = failure_of(call, client, may_send)
    assert (failed.failure.code, failed.sent) == ("connection_cut", True)
    assert len(server.requests) == server.connections == 1


def test_a_second_request_on_a_warm_connection_is_not_repeated(serve, connect, call):
    def leave_the_second_unanswered(peer):
        peer.answer(DONE)
        peer.request()

    server = serve(leave_the_second_unanswered)
    client = connect(server.url)
    assert call(client).status == 200
    assert failure_of(call, client).failure.code == "connection_cut"
    assert (len(server.requests), server.connections) == (2, 1)


def test_a_refused_connection(connect, call):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    failed = failure_of(call, connect(f"http://127.0.0.1:{port}/v1"))
    assert failed.failure.klass is FailureClass.UNREACHABLE
    assert (failed.failure.code, failed.sent) == ("connection_refused", False)
    assert f"127.0.0.1:{port}" in failed.failure.message


def test_a_name_that_nobody_knows(connect, call):
    failed = failure_of(call, connect("http://images.invalid/v1"))
    assert failed.failure.klass is FailureClass.UNREACHABLE
    assert (failed.failure.code, failed.sent) == ("name_not_resolved", False)
    assert "images.invalid:80" in failed.failure.message


def test_a_host_that_does_not_pick_up(connect, call):
    # A full backlog: the kernel leaves further connections unanswered.
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        with socket.create_connection(busy.getsockname()):
            begun = time.monotonic()
            url = f"http://127.0.0.1:{busy.getsockname()[1]}/v1"
            failed = failure_of(call, connect(url), deadline=0.5)
    assert time.monotonic() - begun < 1.0
    assert failed.failure.klass is FailureClass.UNREACHABLE
    assert (failed.failure.code, failed.sent) == ("connect_timeout", False)


def test_a_host_that_does_not_speak_tls(serve, connect, call):
    server = serve(lambda peer: peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    failed = failure_of(call, connect(server.url.replace("http:", "https:")))
    assert failed.failure.klass is FailureClass.UNREACHABLE
    assert (failed.failure.code, failed.sent) == ("tls_failed", False)


def test_a_deadline_that_has_passed_sends_nothing(connect, call):
    failed = failure_of(call, connect("http://127.0.0.1:9/v1"), deadline=0.0)
    assert (failed.failure.code, failed.sent) == ("connect_timeout", False)


def test_an_endless_answer_is_not_read_to_its_end(serve, connect, call, monkeypatch):
    monkeypatch.setattr("darkroom.provider.wire.LARGEST_BODY", 100_000)
    server = serve(lambda peer: peer.answer(reply(200, b"x" * 200_000)))
    failed = failure_of(call, connect(server.url))
    assert (failed.failure.code, failed.sent) == ("answer_too_large", True)
    assert failed.failure.klass is FailureClass.UNKNOWN_OUTCOME


def test_ten_of_the_largest_images_are_read_to_their_end():
    entry = len('{"b64_json": ""}, ') + len(b64encode(bytes(LARGEST_IMAGE)))
    assert 10 * entry < LARGEST_BODY


@pytest.mark.parametrize(
    "url",
    [
        "api.openai.com/v1",
        "ftp://host/v1",
        "http:///v1",
        "http://host:99999/v1",
        "http://user:password@host/v1",
        "https://host/v1?api-version=1",
        "http://[::1/v1",
    ],
)
def test_an_unusable_address_is_refused_at_once(url):
    with pytest.raises(ValueError, match="base URL of provider test"):
        Provider("test", url, "sk-1")


@pytest.mark.parametrize("key", ["", "sk-1\n", "sk 1", "sk-ключ"])
def test_an_unusable_key_is_refused_and_not_repeated(key):
    with pytest.raises(ValueError, match="key of provider test") as caught:
        Provider("test", "http://host/v1", key)
    assert not key or key not in str(caught.value)


def test_the_key_is_in_no_name_and_no_message(serve, connect, call):
    echo = {"error": {"message": "Incorrect API key provided: sk-test-4f9a1c7e2b8d."}}
    server = serve(cut_before, babble, lambda peer: peer.answer(reply(401, echo)))
    client = connect(server.url)
    seen = [repr(client), repr(Provider("test", server.url, "sk-test-4f9a1c7e2b8d"))]
    for _ in range(2):
        failed = failure_of(call, client)
        seen += [repr(failed), str(failed), repr(failed.failure), repr(failed.__cause__)]
    seen.append(repr(call(client)))
    assert not [text for text in seen if "4f9a1c7e2b8d" in text]
    assert isinstance(client, Client)
