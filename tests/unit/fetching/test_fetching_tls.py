"""Encrypted downloads: the host's real name is asked for and vouched for."""

import ssl

import pytest
from certificates import write_certificate
from scripted import IMAGE, reply

from darkroom.fetching import FetchCode, Guard, fetch

HOST = "images.test"
INTRANET = Guard(allow_private=True, seconds=10)


def here(_host, _port):
    return ["127.0.0.1"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return write_certificate(HOST, tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate)


@pytest.fixture
def encrypted(serve, certificate):
    """Serve this answer over an encrypted connection; the names that clients asked for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def start(*answers):
        def script(answer):
            def play(peer):
                peer.socket = context.wrap_socket(peer.socket, server_side=True)
                peer.answer(answer)

            return play

        server = serve(*map(script, answers))
        return f"https://{HOST}:{server.port}/a.png?hush", names

    return start


def test_the_real_name_is_asked_for_and_verified(encrypted, trusting):
    url, names = encrypted(reply(200, IMAGE))
    assert fetch(url, INTRANET, lookup=here, tls=trusting) == IMAGE
    assert names == [HOST]


def test_a_certificate_for_another_name_is_refused(encrypted, trusting, refused):
    url, _ = encrypted(reply(200, IMAGE))
    failure = refused(url.replace(HOST, "other.test"), lookup=here, tls=trusting)
    assert failure.code == FetchCode.TLS_FAILED
    assert "other.test" in str(failure)
    assert "certificate" in str(failure)
    assert "hush" not in str(failure)


def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted, refused):
    url, _ = encrypted(reply(200, IMAGE))
    failure = refused(url, lookup=here)
    assert failure.code == FetchCode.TLS_FAILED
    assert "self-signed certificate" in str(failure)


def test_a_host_that_does_not_speak_tls(serve, refused):
    server = serve(lambda peer: peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    failure = refused(server.url.replace("http:", "https:"))
    assert failure.code == FetchCode.TLS_FAILED


def test_encryption_is_not_given_up_on_the_way(encrypted, trusting, refused):
    url, _ = encrypted(reply(302, b"", "location: http://127.0.0.1/open.png?hush"))
    failure = refused(url, lookup=here, tls=trusting)
    assert failure.code == FetchCode.REDIRECT_REFUSED
    assert "from https on to http://127.0.0.1/open.png; give a URL that stays encrypted" in str(
        failure
    )


def test_an_encrypted_redirect_is_followed(encrypted, trusting):
    url, names = encrypted(reply(302, b"", "location: /b.png"), reply(200, IMAGE))
    assert fetch(url, INTRANET, lookup=here, tls=trusting) == IMAGE
    assert names == [HOST, HOST]
