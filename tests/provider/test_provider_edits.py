"""Edits on the wire: pictures go out as a form, piece by piece, under the same rules as any call."""

import io
import tracemalloc
from email import message_from_bytes, policy

import pytest
from PIL import Image
from scripted import DONE

from darkroom.domain.failure import FailureClass
from darkroom.provider import CallFailed, Images, Part, read

FIELDS = {"model": "gpt-image-2", "prompt": "ein Fuchs, 狐", "n": 2, "size": "1024x1024", "quality": "low"}  # fmt: skip


def picture(kind="PNG", mode="RGB"):
    target = io.BytesIO()
    Image.new(mode, (64, 64), 200 if mode == "L" else (200, 30, 30, 0)[: len(mode)]).save(
        target, kind
    )
    target.seek(0)
    return target


def part(field, kind="png", mode="RGB"):
    return Part(field, f"{field.strip('[]')}.{kind}", f"image/{kind}", picture(kind.upper(), mode))


@pytest.fixture
def edit():
    def say(client, *parts, may_send=lambda: True, deadline=10.0):
        return client.call(
            "/v1/images/edits",
            FIELDS,
            deadline_seconds=deadline,
            may_send=may_send,
            client_request_id="0192-attempt",
            parts=parts,
        )

    return say


def fields_of(request):
    head, body = request
    headers = b"\r\n".join(head.split(b"\r\n")[1:])
    form = message_from_bytes(headers + b"\r\n\r\n" + body, policy=policy.HTTP)
    return [
        (
            one.get_param("name", header="content-disposition"),
            one.get_filename(),
            one.get_content_type() if one.get_filename() else None,
            one.get_payload(decode=True),
        )
        for one in form.iter_parts()
    ]


def test_the_form_has_the_fields_the_pictures_and_the_mask(serve, connect, edit):
    server = serve(lambda peer: peer.answer(DONE))
    parts = [part("image[]"), part("image[]", "jpeg"), part("mask", mode="RGBA")]
    assert edit(connect(server.url), *parts).status == 200
    [(head, _)] = server.requests
    assert head.startswith(b"POST /v1/images/edits HTTP/1.1")
    assert b"transfer-encoding" not in head.lower()
    sent = fields_of(server.requests[0])
    assert [(name, value.decode()) for name, filename, _, value in sent if filename is None] == [
        (name, str(value)) for name, value in FIELDS.items()
    ]
    assert [one for one in sent if one[1]] == [
        ("image[]", "image.png", "image/png", picture().read()),
        ("image[]", "image.jpeg", "image/jpeg", picture("JPEG").read()),
        ("mask", "mask.png", "image/png", picture(mode="RGBA").read()),
    ]


def test_a_lease_that_is_short_lets_no_byte_out(serve, connect, edit):
    server = serve(lambda peer: peer.until_gone())
    client = connect(server.url)
    with pytest.raises(CallFailed) as caught:
        edit(client, part("image"), may_send=lambda: False)
    client.close()
    assert caught.value.failure.klass is FailureClass.LEASE_SHORT
    assert not caught.value.sent
    assert server.received == b""


def test_the_deadline_spans_the_sending_too(serve, connect, edit):
    server = serve(lambda peer: peer.server._bell.recv(1))
    client = connect(server.url)
    large = Part("image", "image.png", "image/png", io.BytesIO(bytes(40_000_000)))
    with pytest.raises(CallFailed) as caught:
        edit(client, large, deadline=0.5)
    client.close()
    assert caught.value.failure.code == "deadline_passed"
    assert caught.value.sent


def test_pictures_are_sent_without_being_held_in_memory(serve, connect, edit, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(bytes(30_000_000))
    server = serve(_swallow)
    client = connect(server.url)
    with path.open("rb") as file:
        tracemalloc.start()
        try:
            edit(client, *(Part("image[]", "a.png", "image/png", file) for _ in range(1)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 5_000_000


def _swallow(peer):
    """Reads a request without keeping it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.socket.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    left = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")) - len(body)  # fmt: skip
    buffer = bytearray(65_536)
    while left > 0:
        left -= peer.socket.recv_into(buffer)
    peer.socket.sendall(DONE)


@pytest.mark.parametrize(("number", "masked"), [(1, False), (1, True), (3, True), (16, False)])
def test_the_provider_reads_what_we_send(sandbox, connect, edit, number, masked):
    url, calls = sandbox
    field = "image" if number == 1 else "image[]"
    kinds = ("png", "jpeg", "webp")
    parts = [part(field, kinds[index % 3]) for index in range(number)]
    parts += [part("mask", mode="RGBA")] if masked else []
    reading = read(edit(connect(url), *parts), 2)
    assert isinstance(reading, Images), reading
    (call,) = calls()
    assert (call["references"], call["n"]) == (number, 2)
    assert call["endpoint"] == "/v1/images/edits"
    assert reading.usage.image_tokens > 0
