"""Pictures, and a site on loopback that serves them and counts who came."""

import base64
import io
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from threading import Event, Thread

from loopback import LoopbackServer
from PIL import Image
from world import World

from darkroom.blobs import open_store
from darkroom.domain.ids import FILE, shown
from darkroom.store import files, keys
from darkroom.store.files import File
from darkroom.store.session import transaction
from worker.app import new_id


def picture(
    size: tuple[int, int] = (64, 48), mode: str = "RGB", kind: str = "PNG", shade: int = 90
) -> bytes:
    target = io.BytesIO()
    colour = {"L": shade, "RGB": (shade, 40, 40), "RGBA": (shade, 40, 40, 0)}[mode]
    Image.new(mode, size, colour).save(target, kind)
    return target.getvalue()


def data_url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def bomb() -> bytes:
    """A PNG of 30,000 × 30,000 pixels in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def uploaded(world: World, data: bytes, project: str = "default") -> str:
    """The id of a file of these bytes."""
    sha256 = open_store(world.storage_url).put(data)
    if project != "default":
        _founded(world, project)
    file = File(new_id(), project, "vision", "a.png", len(data), sha256, datetime.now(UTC))
    with transaction(world.engine) as connection:
        return shown(FILE, files.add_reference(connection, file).id)


def _founded(world: World, project: str) -> None:
    with transaction(world.engine) as connection:
        secret = f"dk_{project}"
        keys.add(connection, key_id=new_id(), project_id=project, name="x", secret=secret, scopes=("read",))  # fmt: skip


class Site:
    """Where the pictures are, and how often each was asked for."""

    def __init__(self, url: str, asked: Counter[str]) -> None:
        self.url, self.asked = url, asked


class Gate:
    """A page that nothing comes out of until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = Event(), Event()

    def pass_through(self) -> None:
        self.reached.set()
        self.opened.wait(60)


@contextmanager
def site(pages: Mapping[str, bytes | str | Gate]) -> Iterator[Site]:
    """Serves bytes under their paths; text is where a path sends on to; behind a gate is nothing."""
    asked: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked[path] += 1
            match pages.get(path):
                case bytes() as data:
                    self.send_response(200)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                case str() as elsewhere:
                    self.send_response(302)
                    self.send_header("location", elsewhere)
                    self.end_headers()
                case page:
                    if isinstance(page, Gate):
                        page.pass_through()
                    self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with LoopbackServer(Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield Site(f"http://127.0.0.1:{server.server_port}", asked)
        server.shutdown()
        thread.join()
