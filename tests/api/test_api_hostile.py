"""Bodies that mean harm: each gets one clear refusal, and the server stays well."""

import asyncio
import contextlib
import gzip
import io
import socket
import zipfile
from itertools import count

import psutil
import pytest
from desk import assert_problem
from starlette.exceptions import HTTPException

from api.route import BoundedRequest

URL = "/api/v1/batches"
JSON = {"Content-Type": "application/json"}


def post(client, content, url=URL, headers=JSON):
    return client.post(url, content=content, headers=headers)


NOT_JSON = [
    b"",
    b"{",
    b"nonsense",
    b"\xff\xfe{\x00}\x00",
    b'{"rows": [{"prompt": "\\ud800"}]}',
    b'{"rows": [{"\\udfff": "x"}]}',
    b'{"rows": [{"prompt": "\xed\xa0\x80"}]}',
    b'{"rows": [{"n": NaN}]}',
    b'{"rows": [{"n": -Infinity}]}',
    b'{"name": "a", "name": "b"}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"rows": [{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}]}",
    b'{"rows": [{"x": ' + b"9" * 10_000 + b"}]}",
]


@pytest.mark.parametrize("content", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_no_json_is_refused(client, content):
    response = post(client, content)
    assert response.status_code in (400, 422), response.text
    assert_problem(response, response.status_code)


WRONG = [b"null", b"[]", b"7", b'"text"', b"true", b"{}", b'{"rows": {"a": {"b": {"c": 1}}}}']


@pytest.mark.parametrize("content", WRONG)
@pytest.mark.parametrize("url", [URL, "/api/v1/keys"])
def test_the_wrong_kind_of_json_is_refused(project, content, url):
    assert_problem(post(project.clients["admin"], content, url), 422, "invalid_request")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_json_by_another_name_is_refused(client, kind):
    response = post(client, b'{"rows": [{"prompt": "a"}]}', headers={"Content-Type": kind})
    assert_problem(response, 422)


def test_packed_bodies_are_not_unpacked(client):
    bomb = gzip.compress(b" " * 50_000_000)
    response = post(client, bomb, headers={**JSON, "Content-Encoding": "gzip"})
    assert response.status_code in (400, 422)


def test_ten_thousand_unknown_fields_are_refused_in_few_words(client):
    body = {f"field{number}": number for number in range(10_000)}
    response = client.post(URL, json=body)
    assert_problem(response, 422, "invalid_request")
    assert len(response.content) < 50_000


def test_ten_thousand_columns_are_a_rows_own_matter(submit):
    row = {f"column{number}": "x" for number in range(10_000)}
    assert submit(rows=[{"prompt": "a", **row}]).status_code == 202


def test_a_million_bytes_of_prompt_are_for_ingest_to_judge(submit):
    assert submit(rows=[{"prompt": "x" * 1_000_000}]).status_code == 202


def test_a_nul_in_a_row_is_for_ingest_to_judge(submit):
    assert submit(rows=[{"prompt": "a\0b"}]).status_code == 202


def test_ten_thousand_rows_are_taken_and_one_more_is_not(submit):
    rows = [{"prompt": "a"}] * 10_000
    assert submit(rows=rows).status_code == 202
    problem = assert_problem(submit(rows=[*rows, {"prompt": "a"}]), 422)
    assert problem["errors"][0]["pointer"] == "#/rows"


@pytest.mark.parametrize("announced", [True, False])
def test_too_long_a_body_is_cut_off(client, announced):
    text = b'{"rows": [{"prompt": "' + b"x" * 8_000_000 + b'"}]}'
    content = text if announced else iter([text[:4_000_000], text[4_000_000:]])
    problem = assert_problem(post(client, content), 413)
    assert "8,000,000" in problem["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=99999999999999999999",
        "limit=1e1",
        "after=x",
        "after=",
        "after=%00",
        "after=job_1",
    ],
)
def test_a_query_that_is_of_no_use_is_refused(client, query):
    problem = assert_problem(client.get(f"{URL}?{query}"), 422, "invalid_request")
    name = query.partition("=")[0]
    assert problem["errors"][0]["column"] == name
    assert problem["errors"][0]["detail"].startswith(f"{name}: ")


@pytest.mark.parametrize("moment", ["0.5", "1763928000", "1763928000000", "soon"])
def test_a_number_is_no_time(client, submit, moment):
    assert_problem(client.get(f"/api/v1/usage?until={moment}"), 422, "invalid_request")
    assert_problem(submit(deadline=moment), 422, "invalid_request")


@pytest.mark.parametrize("meant", [0, 1, "false", None])
def test_what_gives_something_up_is_told_so_plainly(project, meant):
    response = project.clients["admin"].post("/api/v1/gc", json={"dry_run": meant})
    assert_problem(response, 422, "invalid_request")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/batches", "GET, POST"),
        ("/v1/files/file-0", "DELETE, GET"),
        ("/api/v1/catalogs/shop/schedule", "DELETE, PUT"),
    ],
)
def test_a_method_that_is_none_is_told_all_there_are(client, path, allowed):
    response = client.patch(path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "query", ["state=nonsense", "limit=1001", "after=job_x", "after=job_" + "9" * 30, "state=%00"]
)
def test_so_is_one_for_jobs(client, make, query):
    batch_id = make.in_progress()
    response = client.get(f"{URL}/batch_{batch_id.hex}/jobs?{query}")
    assert_problem(response, 422, "invalid_request")


def _raw(desk, client, head: str, body: bytes = b"", *, end: bool = False) -> bytes:
    """What the server says to these very bytes."""
    host, port = desk.url.removeprefix("http://").split(":")
    lines = f"{head}\r\nHost: desk\r\nAuthorization: {client.headers['authorization']}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(lines.encode() + body)
        if end:
            connection.shutdown(socket.SHUT_WR)
        said = b""
        while chunk := connection.recv(65536):
            said += chunk
        return said


@pytest.mark.parametrize(
    "length", ["-1", "x", "1e3", "99999999999999999999999", "5\r\nContent-Length: 6"]
)
def test_a_length_that_is_none_is_refused(desk, client, length):
    said = _raw(
        desk,
        client,
        f"POST {URL} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}",
        b"\r\nabcde",
    )
    assert said.split(b" ")[1] in (b"400", b"413"), said


def test_a_body_longer_than_it_was_said_to_be_is_cut_where_it_was_said(desk, client):
    body = b'\r\n{"rows": [{"prompt": "a"}]}' + b"x" * 1000
    said = _raw(
        desk,
        client,
        f"POST {URL} HTTP/1.1\r\nConnection: close\r\nContent-Length: 8",
        body,
    )
    assert said.startswith(b"HTTP/1.1 400")
    assert b"not JSON" in said


def test_a_body_shorter_than_it_was_said_to_be_makes_nothing(desk, client):
    _raw(
        desk,
        client,
        f"POST {URL} HTTP/1.1\r\nContent-Length: 500",
        b'\r\n{"rows": [{"prompt": "a"}]}',
        end=True,
    )
    assert client.get(URL).json()["data"] == []
    assert "unexpected" not in "".join(desk.process.lines)


def test_a_length_and_chunks_at_once_are_refused(desk, client):
    head = f"POST {URL} HTTP/1.1\r\nConnection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"
    said = _raw(desk, client, head, b"\r\n0\r\n\r\n")
    assert said.split(b" ")[1].startswith(b"4"), said


def test_a_body_that_stands_still_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(BoundedRequest, "patience", 0.01)

    async def receive():
        await asyncio.Event().wait()

    async def read():
        scope = {"type": "http", "method": "POST", "path": URL, "headers": []}
        return await BoundedRequest(scope, receive).body()

    with pytest.raises(HTTPException) as caught:
        asyncio.run(read())
    assert caught.value.status_code == 408
    assert caught.value.headers == {"Connection": "close"}


def dripping(monkeypatch, *, slowest: int) -> bytes:
    """What is read of a body of fifty bytes that come one by one, a second apart by the clock of the test."""
    monkeypatch.setattr("api.route.monotonic", count().__next__)
    monkeypatch.setattr(BoundedRequest, "patience", 10.0)
    monkeypatch.setattr(BoundedRequest, "slowest", slowest)
    pieces = iter([b"x"] * 50)

    async def receive():
        come = asyncio.Event()
        asyncio.get_running_loop().call_soon(come.set)
        await come.wait()
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def read():
        scope = {"type": "http", "method": "POST", "path": URL, "headers": []}
        return await BoundedRequest(scope, receive).body()

    return asyncio.run(read())


def test_a_body_that_drips_for_ever_is_not_waited_for(monkeypatch):
    with pytest.raises(HTTPException) as caught:
        dripping(monkeypatch, slowest=2)
    assert caught.value.status_code == 408
    assert "less than 2 bytes a second" in caught.value.detail


def test_a_slow_line_is_waited_for(monkeypatch):
    assert dripping(monkeypatch, slowest=1) == b"x" * 50


def test_slow_bodies_keep_nobody_waiting(desk, client):
    """A hundred who send half a body and then nothing hold neither a thread nor a connection of the database."""
    host, port = desk.url.removeprefix("http://").split(":")
    head = f"POST {URL} HTTP/1.1\r\nHost: desk\r\nAuthorization: {client.headers['authorization']}\r\nContent-Length: 100\r\n\r\n{{"
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            slow = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            slow.sendall(head.encode())
        assert client.get(URL).status_code == 200
        assert client.post(URL, json={"rows": [{"prompt": "a"}]}).status_code == 202


def test_bombs_leave_the_memory_flat(desk, client):
    server = psutil.Process(desk.process.pid)
    post(client, b"[" * 7_900_000)
    before = server.memory_info().rss
    for bomb in (
        b"[" * 7_900_000,
        b'{"a":' * 1_500_000,
        b'{"rows":[' + b"{}," * 2_000_000 + b"{}]}",
    ):
        response = post(client, bomb)
        assert response.status_code in (400, 422)
    assert server.memory_info().rss - before < 400_000_000


def test_ten_thousand_fields_of_a_form_are_cut_off(client):
    part = b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
    form = b"".join(part % number for number in range(10_000)) + b"--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert_problem(post(client, form, "/api/v1/files", headers), 400)


def test_ten_thousand_defaults_are_refused_in_few_words(submit):
    response = submit(defaults={f"d{number}": 1 for number in range(10_000)})
    assert_problem(response, 422, "invalid_request")
    assert len(response.content) < 50_000


def test_ten_thousand_pairs_of_metadata_are_refused_in_few_words(client):
    body = {
        "metadata": {f"key{number}": "x" for number in range(10_000)},
        "input_file_id": "file-1",
    }
    response = client.post("/v1/batches", json=body)
    assert response.status_code == 400
    assert response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert len(response.content) < 50_000


def test_an_upload_that_is_cut_makes_nothing_and_leaves_nothing(desk, client):
    head = b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    authorization = client.headers["authorization"]
    host, port = desk.url.removeprefix("http://").split(":")
    said = f"POST /v1/files HTTP/1.1\r\nHost: desk\r\nAuthorization: {authorization}\r\n"
    said += "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 50000000\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(said.encode() + head + b"x" * 5_000_000)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert client.get("/v1/files").json()["data"] == []
    assert list(desk.folder.iterdir()) == []


def _workbook_bomb() -> bytes:
    """Half a gigabyte of nothing in half a megabyte."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet,
    ):
        for _ in range(500):
            sheet.write(bytes(1_000_000))
    return packed.getvalue()


TRICKS = {
    "a workbook that unpacks to half a gigabyte": ("a.xlsx", _workbook_bomb),
    "an archive that is none": ("a.xlsx", lambda: b"PK\x03\x04" + b"\xff" * 100_000),
    "a quote that never ends": ("a.csv", lambda: b'prompt\n"' + b"a cat\n" * 2_000_000),
    "a line that never ends": ("a.csv", lambda: b"prompt\n" + b"x" * 12_000_000),
    "nothing but separators": ("a.csv", lambda: b"prompt" + b"," * 2_000_000),
    "a bomb in a line": ("a.jsonl", lambda: b'{"prompt": ' + b"[" * 5_000_000),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_list_with_a_trick_in_it_is_refused_and_leaves_the_memory_flat(desk, client, trick):
    name, made = TRICKS[trick]
    sent = {"data": {"purpose": "batch"}, "files": {"file": (name, made())}}
    file_id = client.post("/api/v1/files", **sent).json()["id"]
    server = psutil.Process(desk.process.pid)
    before = server.memory_info().rss
    told = client.post("/api/v1/estimates", json={"input_file_id": file_id})
    assert told.status_code == 200, told.text
    assert told.json()["problems"]
    assert len(told.content) < 100_000
    assert server.memory_info().rss - before < 300_000_000
