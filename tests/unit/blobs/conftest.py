import os
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from darkroom.blobs import BlobStore, open_store

MOTO_SERVER = Path(sys.executable).with_name("moto_server")
ACCESS_KEY = "AKIATESTTESTTESTTEST"
SECRET_KEY = "a-secret-that-must-not-be-seen"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real S3 server process with one bucket, `darkroom`."""
    with subprocess.Popen(
        [MOTO_SERVER, "-p", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        line = next(line for line in server.stdout if "Running on" in line)
        drain = threading.Thread(target=server.stdout.read)
        drain.start()
        endpoint = line.split()[-1]
        make_bucket = urllib.request.Request(f"{endpoint}/darkroom", method="PUT")
        urllib.request.urlopen(make_bucket).close()
        yield endpoint
        server.terminate()
        drain.join()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def bucket_url(s3_endpoint: str) -> str:
    return f"s3://darkroom/{uuid.uuid4()}?endpoint={s3_endpoint}&region=us-east-1"


@pytest.fixture(params=["disk", "bucket"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """A store that nobody has laid out."""
    if request.param == "disk":
        return open_store((tmp_path / "store").as_uri())
    return open_store(request.getfixturevalue("bucket_url"))


@pytest.fixture
def store(bare: BlobStore) -> BlobStore:
    bare.lay_out("of-the-test")
    return bare


def laid_out(url: str) -> BlobStore:
    """A store that is as a worker or the API leaves it."""
    store = open_store(url)
    store.lay_out("of-the-test")
    return store


class Refusing(BaseHTTPRequestHandler):
    """An S3 server in trouble: answers by a function of the request, and remembers the requests."""

    answer: Callable[["Refusing"], tuple[int, bytes]]
    seen: ClassVar[list[tuple[str, str | None]]]
    written: ClassVar[str | None] = None

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append((self.command, self.headers.get("if-none-match")))
        status, body = type(self).answer(self)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", '"x"')
        self.send_header("last-modified", self.written or self.date_time_string())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_DELETE = do_PUT  # noqa: N815 - the names are http.server's

    def log_message(self, *args: object) -> None: ...


@contextmanager
def refusing(
    answer: Callable[[Refusing], tuple[int, bytes]], written: str | None = None
) -> Iterator[tuple[str, list]]:
    told = {"answer": staticmethod(answer), "seen": [], "written": written}
    handler = type("Handler", (Refusing,), told)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"s3://darkroom/x?endpoint=http://127.0.0.1:{server.server_port}", handler.seen
        finally:
            server.shutdown()
            thread.join()
