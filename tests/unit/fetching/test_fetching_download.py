"""Downloads over real sockets: what is sent, what is read, and every way to end."""

import socket
import time
import tracemalloc

import pytest
from scripted import IMAGE, reply

from darkroom.fetching import FetchCode, Guard, fetch

INTRANET = Guard(allow_private=True, seconds=10)
SHORT = Guard(allow_private=True, seconds=0.3)


def says(status, body=b"", *headers):
    """A script: one request, this answer."""
    return lambda peer: peer.answer(reply(status, body, *headers))


def sends(data):
    """A script: one request, these bytes, and the end of the connection."""
    return lambda peer: peer.answer(data)


def moved(location, status=302):
    return says(status, b"", f"location: {location}")


def test_the_bytes_come_as_they_are(serve):
    server = serve(says(200, IMAGE, "content-type: text/html"))
    assert fetch(f"{server.url}/a.png", INTRANET) == IMAGE


def test_what_is_asked_carries_nothing_of_ours(serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server = serve(says(200, IMAGE))
    fetch(f"{server.url}/写真 1.png?q=ü&s=%2F#part", INTRANET)
    head, body = server.requests[0]
    assert body == b""
    assert head.decode().split("\r\n") == [
        "GET /v1/%E5%86%99%E7%9C%9F%201.png?q=%C3%BC&s=%2F HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: darkroom",
        "Accept: image/png, image/jpeg, image/webp, */*;q=0.1",
        "Accept-Encoding: identity",
        "Connection: close",
    ]


def test_the_checked_address_is_the_one_connected_to(serve):
    server = serve(says(200, IMAGE))
    asked = []

    def rebinding(host, port):
        asked.append((host, port))
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    url = f"http://images.example:{server.port}/a.png"
    assert fetch(url, INTRANET, lookup=rebinding) == IMAGE
    assert asked == [("images.example", server.port)]
    assert f"Host: images.example:{server.port}".encode() in server.requests[0][0]


def test_an_address_that_is_away_is_passed_over(serve):
    server = serve(says(200, IMAGE))
    url = f"http://images.example:{server.port}/"
    assert fetch(url, INTRANET, lookup=lambda *_: ["127.0.0.9", "127.0.0.1"]) == IMAGE


def test_nobody_answers(refused):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        failure = refused(f"http://127.0.0.1:{bound.getsockname()[1]}/a?hush")
    assert failure.code == FetchCode.CONNECTION_FAILED
    assert failure.code.passing
    assert "hush" not in str(failure)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status, serve):
    server = serve(moved("../other.png?x=1", status), says(200, IMAGE))
    assert fetch(f"{server.url}/a/b.png", INTRANET) == IMAGE
    assert server.requests[1][0].startswith(b"GET /v1/other.png?x=1 HTTP/1.1")


def test_no_cookie_is_brought_back(serve):
    server = serve(says(302, b"", "location: /b", "set-cookie: a=b"), says(200, IMAGE))
    assert fetch(f"{server.url}/a", INTRANET) == IMAGE
    assert b"ookie" not in server.requests[1][0]


def test_a_redirect_is_looked_up_and_checked_anew(serve, refused):
    server = serve(moved("http://inner.example/hidden?hush"))
    places = {"images.example": ["127.0.0.1"], "inner.example": ["169.254.169.254"]}
    failure = refused(
        f"http://images.example:{server.port}/", lookup=lambda host, _port: places[host]
    )
    assert failure.code == FetchCode.NOT_ALLOWED
    assert str(failure).startswith("http://inner.example/hidden: it leads to a link-local address;")


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data", FetchCode.NOT_ALLOWED),
        ("http://[::ffff:169.254.169.254]/", FetchCode.NOT_ALLOWED),
        ("//168.63.129.16/", FetchCode.NOT_ALLOWED),
        ("http://0x7f.1/", FetchCode.BAD_URL),
        ("http://me:hush@127.0.0.1/", FetchCode.BAD_URL),
        ("file:///etc/passwd", FetchCode.BAD_URL),
        ("gopher://127.0.0.1:6379/_FLUSHALL", FetchCode.BAD_URL),
        ("//[::1", FetchCode.BAD_URL),
        ("", FetchCode.REDIRECT_REFUSED),
    ],
)
def test_a_redirect_to_where_it_may_not(location, code, serve, refused):
    failure = refused(f"{serve(moved(location)).url}/a.png")
    assert failure.code == code
    assert "hush" not in str(failure)


def test_redirects_in_a_circle_end(serve, refused):
    server = serve(*[moved("/a")] * 4)
    failure = refused(f"{server.url}/a?hush")
    assert failure.code == FetchCode.REDIRECT_REFUSED
    assert "more than 3 times" in str(failure)
    assert server.connections == 4


def test_no_redirect_at_all(serve, refused):
    guard = Guard(allow_private=True, redirects=0)
    assert refused(f"{serve(moved('/b')).url}/a", guard).code == FetchCode.REDIRECT_REFUSED


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, FetchCode.REFUSED) for status in (204, 206, 304, 400, 401, 403, 404, 410)),
        *((status, FetchCode.BUSY) for status in (408, 425, 429, 500, 502, 503, 524)),
    ],
)
def test_another_status_than_200(status, code, serve, refused):
    bodiless = status in (204, 304)
    server = serve(says(status, b"" if bodiless else b"<html>hush</html>"))
    failure = refused(f"{server.url}/a.png?signature=hush")
    assert (failure.code, failure.code.passing) == (code, code == FetchCode.BUSY)
    assert str(failure).startswith(f"{server.url}/a.png: its host answers {status}")
    assert "hush" not in str(failure)


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_up_to_the_limit(size, serve):
    server = serve(says(200, bytes(size)))
    guard = Guard(allow_private=True, largest_bytes=1000)
    assert fetch(server.url, guard) == bytes(size)


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BARE = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, bytes(1001)),
        CHUNKED + b"3e9\r\n" + bytes(1001) + b"\r\n0\r\n\r\n",
        BARE + bytes(1001),
    ],
    ids=["announced", "chunked", "until it closes"],
)
def test_over_the_limit(answer, serve, refused):
    guard = Guard(allow_private=True, largest_bytes=1000)
    failure = refused(serve(sends(answer)).url, guard)
    assert failure.code == FetchCode.TOO_LARGE
    assert "larger than 1,000 bytes" in str(failure)


def test_an_endless_body_is_not_kept(serve, refused):
    def endless(peer):
        peer.answer(BARE)
        while True:
            peer.socket.sendall(bytes(65_536))

    guard = Guard(allow_private=True, largest_bytes=2_000_000)
    server = serve(endless)
    tracemalloc.start()
    try:
        assert refused(server.url, guard).code == FetchCode.TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


def test_an_announced_giant_is_refused_without_reading_it(serve, refused):
    def giant(peer):
        peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n")
        peer.until_gone()

    assert refused(serve(giant).url).code == FetchCode.TOO_LARGE


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n" + IMAGE,
        CHUNKED + b"200\r\n" + IMAGE,
        CHUNKED + b"100\r\n" + IMAGE + b"\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"",
    ],
)
def test_an_answer_that_breaks_off(answer, serve, refused):
    failure = refused(serve(sends(answer)).url)
    assert (failure.code, failure.code.passing) == (FetchCode.CUT, True)


def test_a_reset_connection(serve, refused):
    def rude(peer):
        peer.answer(BARE + IMAGE)
        peer.reset()

    assert refused(serve(rude).url).code == FetchCode.CUT


def test_what_follows_the_announced_length_is_not_read(serve):
    server = serve(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n" + IMAGE))
    assert fetch(server.url, INTRANET) == IMAGE[:4]


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000,
        CHUNKED + b"zz\r\n",
    ],
)
def test_an_answer_that_is_not_http(answer, serve, refused):
    failure = refused(serve(sends(answer)).url)
    assert (failure.code, failure.code.passing) == (FetchCode.PROTOCOL_ERROR, False)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_a_packed_body_is_refused(encoding, serve, refused):
    server = serve(says(200, b"\x1f\x8b", f"content-encoding: {encoding}"))
    assert refused(server.url).code == FetchCode.PROTOCOL_ERROR


def test_a_body_that_says_that_it_is_not_packed(serve):
    server = serve(says(200, IMAGE, "content-encoding: identity"))
    assert fetch(server.url, INTRANET) == IMAGE


def hangs(peer):
    peer.request()
    peer.until_gone()


def silent(peer):
    peer.until_gone()


def trickles_headers(peer):
    peer.request()
    peer.trickle(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100)


def trickles_body(peer):
    peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    peer.trickle(bytes(1000))


def never_pauses(peer):
    peer.request()
    while True:
        peer.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.parametrize("script", [hangs, trickles_headers, trickles_body, never_pauses])
def test_the_deadline_spans_everything(script, serve, refused):
    server = serve(script)
    begun = time.monotonic()
    failure = refused(f"{server.url}/a.png?hush", SHORT)
    assert 0.3 <= time.monotonic() - begun < 2
    assert failure.code == FetchCode.DEADLINE_PASSED
    assert "not here within 0.3 s" in str(failure)
    assert "hush" not in str(failure)


def test_the_deadline_spans_the_handshake(serve, refused):
    server = serve(silent)
    begun = time.monotonic()
    failure = refused(server.url.replace("http:", "https:"), SHORT)
    assert time.monotonic() - begun < 2
    assert failure.code == FetchCode.DEADLINE_PASSED


def test_the_deadline_is_one_over_all_redirects(serve, refused):
    def slowly(answer):
        def play(peer):
            peer.request()
            peer.trickle(answer, pause=0.6 / len(answer))

        return play

    server = serve(slowly(reply(302, b"", "location: /again")), slowly(reply(200, IMAGE)))
    guard = Guard(allow_private=True, seconds=1)
    assert refused(server.url, guard).code == FetchCode.DEADLINE_PASSED


def test_a_slow_host_within_the_deadline_is_waited_for(serve):
    def slow(peer):
        peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        peer.trickle(b"hello", pause=0.02)

    assert fetch(serve(slow).url, INTRANET) == b"hello"
