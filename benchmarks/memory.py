"""Many large answers at once: every one received before any is judged, then all stored.

python -m benchmarks.memory [ANSWERS] [MEGABYTES]
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

from benchmarks.stage import KIBIBYTE, PYTHON, ROOT
from benchmarks.table import show
from darkroom.blobs import open_store
from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.local.ports import accepts, free_port
from darkroom.provider import Client, Provider
from worker import evidence
from worker.tools import Tools

ANSWERS, MEGABYTES = 200, 8
MEGABYTE = 1_000_000
REQUEST = {
    "model": "gpt-image-2",
    "prompt": "a mug",
    "size": "1024x1024",
    "quality": "low",
    "n": 1,
    "output_format": "png",
}


def peak() -> int:
    """The most memory (bytes resident) that this process has ever had."""
    status = Path("/proc/self/status").read_text("ascii")
    return KIBIBYTE * int(status.partition("VmHWM:")[2].split()[0])


def tools_of(folder: Path) -> Tools:
    """As much of a worker as judging an answer needs."""
    models = parse_models(packaged_toml(), datetime.now(UTC).date())
    nothing = {one.name: None for one in fields(Tools) if _is_wanted(one)}
    blobs = open_store((folder / "blobs").as_uri())
    blobs.lay_out("of-the-benchmark")
    return Tools(**{**nothing, "blobs": blobs, "upstreams": {}, "models_on": lambda _: models})


def _is_wanted(one: Field) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def received(client: Client, number: int) -> evidence.Answer:
    """The answer to one call."""
    return client.call(
        "/images/generations",
        REQUEST,
        deadline_seconds=600,
        may_send=lambda: True,
        client_request_id=str(number),
    )


def measure(url: str, answers: int, folder: Path) -> tuple[int, int, int]:
    """Resident bytes before, with every answer in hand, and at most until all are stored."""
    tools = tools_of(folder)
    clients = [Client(Provider("memory", url, "sandbox")) for _ in range(answers)]
    received(clients[0], 0)
    before = peak()
    all_here = Barrier(answers)

    def attempt(number: int) -> int:
        answer = received(clients[number], number)
        all_here.wait()
        held = peak()
        tools.blobs.keep(f"receipts/{number}", answer.receipt())
        assert evidence.judge(tools, "memory", REQUEST, answer).images
        return held

    with ThreadPoolExecutor(answers) as hands:
        held = min(hands.map(attempt, range(answers)))
    return before, held, peak()


def main(answers: int = ANSWERS, megabytes: int = MEGABYTES) -> None:
    port = free_port()
    studio = (*PYTHON, "benchmarks.studio", str(port), "0", str(megabytes * MEGABYTE))
    with TemporaryDirectory() as folder, subprocess.Popen(studio, cwd=ROOT) as server:
        try:
            while not accepts(port):
                server.poll()
            before, held, most = measure(f"http://127.0.0.1:{port}/v1", answers, Path(folder))
        finally:
            server.kill()
    image = answers * megabytes * MEGABYTE
    show(
        f"{answers} answers of {megabytes} MB at once",
        ("", "MB", "copies of the images"),
        [
            (name, f"{(size - before) / MEGABYTE:.0f}", f"{(size - before) / image:.2f}")
            for name, size in (("received", held), ("until stored", most))
        ],
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
