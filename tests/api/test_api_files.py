"""Uploads: streamed to disk, whole or not there."""

import hashlib
import os
import socket

import psutil
import pytest
from desk import UPLOAD_MB, assert_problem
from sqlalchemy import func, select

from darkroom.blobs import BlobMissing
from darkroom.domain.ids import FILE, uuid_of
from darkroom.store import files
from darkroom.store.session import transaction
from darkroom.store.tables import files as file_rows

CSV = "custom_id,prompt\na,猫\n".encode()
MEGABYTE = 1_000_000


def upload(client, data, filename="list.csv", purpose="batch"):
    return client.post("/api/v1/files", files={"file": (filename, data)}, data={"purpose": purpose})


def test_an_upload_is_kept_byte_for_byte(client, project, desk):
    response = upload(client, CSV, "夜 list.csv")
    assert response.status_code == 201
    told = response.json()
    digest = hashlib.sha256(CSV).hexdigest()
    assert told["id"].startswith("file-")
    assert (told["filename"], told["bytes"], told["sha256"], told["purpose"]) == (
        "夜 list.csv",
        len(CSV),
        digest,
        "batch",
    )
    assert told["created_at"].endswith("Z")
    assert desk.blobs.get(digest) == CSV
    with transaction(desk.engine) as connection:
        row = files.get(connection, uuid_of(FILE, told["id"]), project.id)
    assert row.sha256 == digest


def test_a_picture_is_kept_once_in_each_project_and_found_by_its_content(client, new_project):
    data, other = b"as if it were a picture", new_project().clients["submit"]
    sha256 = hashlib.sha256(data).hexdigest()
    assert client.get("/api/v1/files", params={"sha256": sha256}).json()["data"] == []
    first = upload(client, data, "a.png", "vision").json()
    again = upload(client, data, "b.png", "vision").json()
    assert first == again
    assert client.get("/api/v1/files", params={"sha256": sha256}).json()["data"] == [first]
    assert other.get("/api/v1/files", params={"sha256": sha256}).json()["data"] == []
    assert upload(other, data, "a.png", "vision").json()["id"] != first["id"]
    assert upload(client, data, "a.png", "batch").json()["id"] != first["id"]
    assert_problem(client.get("/api/v1/files", params={"sha256": "x"}), 422)


def test_a_picture_of_50_megabytes_is_too_large(client):
    assert_problem(upload(client, bytes(50 * MEGABYTE), "a.png", "vision"), 413)


def test_a_path_in_a_name_is_left_out(client):
    assert upload(client, CSV, "../../etc/list.csv").json()["filename"] == "list.csv"
    assert upload(client, CSV, "x" * 300 + ".csv").json()["filename"].endswith(".csv")


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"data": {"purpose": "batch"}}, "file"),
        ({"files": {"file": ("a.csv", CSV)}}, "purpose"),
        ({"files": {"file": ("a.csv", CSV)}, "data": {"purpose": "assistants"}}, "purpose"),
        ({"files": {"file": (None, CSV)}, "data": {"purpose": "batch"}}, "file"),
        ({"json": {"file": "x", "purpose": "batch"}}, "file"),
        ({}, "file"),
    ],
)
def test_a_form_that_lacks_something_is_told_what(client, form, named):
    response = client.post("/api/v1/files", **form)
    problem = assert_problem(response, 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == f"#/{named}"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--b\r\n"),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n'
            + b"x" * 9000
            + b"\r\n--b--\r\n",
        ),
    ],
)
def test_a_broken_form_is_refused(client, kind, body):
    response = client.post("/api/v1/files", content=body, headers={"Content-Type": kind})
    assert response.status_code in (400, 422), response.text
    assert_problem(response, response.status_code)


def test_a_name_that_no_database_takes_is_refused(client):
    form = _form(CSV).replace(b"list.csv", b"li\0st.csv")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    problem = assert_problem(client.post("/api/v1/files", content=form, headers=headers), 422)
    assert problem["errors"][0]["code"] == "filename_not_text"


def test_two_files_at_once_are_one_too_many(client):
    parts = [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]
    response = client.post("/api/v1/files", files=parts, data={"purpose": "batch"})
    assert_problem(response, 400)


@pytest.mark.parametrize("announced", [True, False])
def test_too_large_a_file_is_cut_off(client, project, desk, announced):
    """Whether its length is said at the beginning or only seen on the way."""
    form = _form(b"x" * ((UPLOAD_MB + 1) * MEGABYTE))
    content = form if announced else (form[i : i + MEGABYTE] for i in range(0, len(form), MEGABYTE))
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert_problem(client.post("/api/v1/files", content=content, headers=headers), 413)
    assert _count(desk, project) == 0
    assert os.listdir(desk.folder) == []  # noqa: PTH208 - names are enough


def test_a_little_too_large_is_too_large(client, project, desk):
    assert_problem(upload(client, b"x" * (UPLOAD_MB * MEGABYTE + 1)), 413)
    assert _count(desk, project) == 0


def test_a_large_file_takes_no_memory(client, desk):
    upload(client, CSV)
    server = psutil.Process(desk.process.pid)
    before = server.memory_info().rss
    data = os.urandom(1000) * (UPLOAD_MB * 1000)
    assert upload(client, data).json()["sha256"] == hashlib.sha256(data).hexdigest()
    assert server.memory_info().rss - before < 16 * MEGABYTE


def test_a_cut_upload_leaves_nothing(client, project, desk):
    data = os.urandom(1000) * 3000
    form = _form(data)
    head = (
        f"POST /api/v1/files HTTP/1.1\r\nHost: desk\r\nContent-Length: {len(form)}\r\n"
        f"Authorization: {client.headers['authorization']}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + form[:-1000])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert client.get("/readyz").status_code == 200
    assert _count(desk, project) == 0
    assert os.listdir(desk.folder) == []  # noqa: PTH208 - names are enough
    with pytest.raises(BlobMissing):
        desk.blobs.size(hashlib.sha256(data).hexdigest())
    assert "unexpected" not in "".join(desk.process.lines)


def _form(data: bytes) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    return (
        part % (b"purpose", b"", b"batch")
        + part % (b"file", b'; filename="list.csv"', data)
        + b"--b--\r\n"
    )


def _count(desk, project) -> int:
    with transaction(desk.engine) as connection:
        mine = file_rows.c.project_id == project.id
        return connection.execute(select(func.count()).where(mine)).scalar_one()
