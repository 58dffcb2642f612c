"""Encrypted connections, and proxies on the way."""

import ssl
import threading

import pytest
from certificates import write_certificate
from scripted import DONE

from darkroom.domain.failure import FailureClass
from darkroom.provider import CallFailed, shared_tls

HOST = "images.test"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return write_certificate(HOST, tmp_path_factory.mktemp("tls"))


@pytest.fixture
def encrypt(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def wrap(peer):
        peer.socket = context.wrap_socket(peer.socket, server_side=True)

    return wrap


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate)


@pytest.fixture
def tunnel(serve, encrypt, monkeypatch):
    """Serve a proxy that lets the client through, and the provider behind it."""

    def play(peer):
        peer.answer(b"HTTP/1.1 200 Connection established\r\n\r\n")
        encrypt(peer)
        peer.server.encrypted.set()
        peer.answer(DONE)

    server = serve(play)
    server.encrypted = threading.Event()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
    return server


def test_a_plain_request_goes_through_the_proxy_of_the_environment(
    serve, connect, call, monkeypatch
):
    server = serve(lambda peer: peer.answer(DONE))
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{server.port}")
    assert call(connect(f"http://{HOST}/v1")).status == 200
    (head, _body), *others = server.requests
    assert not others
    assert head.startswith(b"POST http://images.test/v1/images/generations HTTP/1.1\r\n")
    assert b"proxy-authorization: basic bwu6c2vjcmv0" in head.lower()


def test_no_proxy_is_obeyed(serve, connect, call, monkeypatch):
    server = serve(lambda peer: peer.answer(DONE))
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert call(connect(server.url)).status == 200


def test_leave_is_asked_for_behind_the_tunnel(tunnel, connect, call, trusting):
    asked = []

    def may_send():
        asked.append(tunnel.encrypted.wait(5))
        return True

    assert call(connect(f"https://{HOST}/v1", trusting), may_send).status == 200
    assert asked == [True]
    (to_proxy, _), (to_provider, _) = tunnel.requests
    assert to_proxy.startswith(b"CONNECT images.test:443 HTTP/1.1\r\n")
    assert b"sk-test" not in to_proxy
    assert to_provider.startswith(b"POST /v1/images/generations HTTP/1.1\r\n")


def test_without_leave_nothing_goes_through_the_tunnel(tunnel, connect, call, trusting):
    with pytest.raises(CallFailed) as caught:
        call(connect(f"https://{HOST}/v1", trusting), lambda: False)
    assert (caught.value.failure.klass, caught.value.sent) == (FailureClass.LEASE_SHORT, False)
    tunnel.close()
    assert len(tunnel.requests) == 1


def test_a_proxy_that_refuses(serve, connect, call, monkeypatch):
    server = serve(lambda peer: peer.answer(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
    with pytest.raises(CallFailed) as caught:
        call(connect(f"https://{HOST}/v1"))
    assert (caught.value.failure.code, caught.value.sent) == ("proxy_refused", False)
    assert caught.value.failure.klass is FailureClass.UNREACHABLE


def test_a_certificate_that_nobody_vouches_for(serve, connect, call, encrypt):
    server = serve(encrypt)
    with pytest.raises(CallFailed) as caught:
        call(connect(server.url.replace("http:", "https:"), shared_tls()))
    assert (caught.value.failure.code, caught.value.sent) == ("tls_failed", False)
    assert "self-signed certificate" in caught.value.failure.message
