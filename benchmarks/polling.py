"""Two hundred clients who ask every second how a batch of a million jobs stands, and what each waits.

python -m benchmarks.polling [--jobs N] [--clients N] [--seconds S] [--interval S]
"""

import asyncio
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from benchmarks.stage import API_KEY, Scene, Stage, perform
from benchmarks.table import show
from darkroom.domain.ids import BATCH, shown

MS = 1000
STATES = ("succeeded", "failed", "queued")

_BATCH = """
INSERT INTO batches (id, project_id, status, options, in_progress_at, total, succeeded, failed, queued)
VALUES (%s, 'default', 'in_progress', %s, now(), %s, %s, %s, %s)
"""
_JOBS = """
INSERT INTO jobs (batch_id, line, custom_id, state, request, bound, ended_at)
SELECT %s, n, 'sku-' || n, CASE WHEN n <= %s THEN 'succeeded' WHEN n <= %s THEN 'failed' ELSE 'queued' END,
    '{"prompt": "a cat", "model": "gpt-image-2", "n": 1}', 0.01, CASE WHEN n <= %s THEN now() END
FROM generate_series(1, %s) n
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many ask, for how long (s), and how often each (s)."""

    jobs: int
    clients: int
    seconds: float
    interval: float


@dataclass(slots=True)
class Seen:
    """How long answers took (s), the first of each client and those to polls; and how many of each status."""

    first: list[float] = field(default_factory=list)
    polled: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def laid_out(stage: Stage, number: int) -> UUID:
    """A batch in the middle of its night, with its counters as its jobs stand."""
    batch_id, done, failed = uuid4(), number // 2, number // 100
    counts = (number, done, failed, number - done - failed)
    with stage.database() as connection:
        connection.execute(
            "SET session_replication_role = replica"
        )  # foreign keys: half of the time
        connection.execute(_BATCH, (batch_id, Jsonb({}), *counts))
        connection.execute(_JOBS, (batch_id, done, done + failed, done + failed, number))
        connection.execute("ANALYZE jobs")
    return batch_id


async def polled(url: str, path: str, crowd: Crowd) -> Seen:
    """Everybody asks at a moment of their own, and sends back the version that they know."""
    seen = Seen()
    end = time.perf_counter() + crowd.seconds
    turns = (crowd.interval * turn / crowd.clients for turn in range(crowd.clients))
    moments = ([*_moments(turn, end, crowd.interval)] for turn in turns)
    await asyncio.gather(*(_poll(url, path, due, seen) for due in moments))
    return seen


def _moments(after: float, end: float, interval: float) -> Iterator[float]:
    """When one of them asks."""
    due = time.perf_counter() + after
    while due < end:
        yield due
        due += interval


async def _poll(url: str, path: str, moments: list[float], seen: Seen) -> None:
    """One client and its connection; bare, since a library's own milliseconds would be counted as the API's."""
    where = urlsplit(url)
    asking = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {API_KEY}\r\n"
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    known = ""
    for due in moments:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        begun = time.perf_counter()
        writer.write(f"{asking}{known}\r\n".encode())
        status, headers = await _answer(reader)
        (seen.polled if known else seen.first).append(time.perf_counter() - begun)
        seen.statuses[status] += 1
        known = f"If-None-Match: {headers['etag']}\r\n"
    writer.close()
    await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    await reader.readexactly(int(headers.get("content-length", 0)))
    return int(first.split()[1]), headers


def play(crowd: Crowd, stage: Stage) -> None:
    path = f"/api/v1/batches/{shown(BATCH, laid_out(stage, crowd.jobs))}"
    asyncio.run(polled(stage.urls.api, path, Crowd(crowd.jobs, 10, 2, 1)))
    cpu = stage.cpu()
    seen = asyncio.run(polled(stage.urls.api, path, crowd))
    report(crowd, seen, stage.cpu() - cpu)


def report(crowd: Crowd, seen: Seen, cpu: float) -> None:
    each = cpu * MS / len(seen.first + seen.polled)
    rows = [
        ("first answer", *_percentiles(seen.first), ""),
        ("poll", *_percentiles(seen.polled), f"{each:.2f}"),
    ]
    statuses = ", ".join(f"{number:,} × {status}" for status, number in seen.statuses.items())
    title = f"{crowd.clients} clients, a batch of {crowd.jobs:,} jobs ({statuses})"
    header = ("", "answers", "p50 ms", "p95 ms", "p99 ms", "most ms", "CPU ms each")
    show(title, header, rows)


def _percentiles(waits: list[float]) -> list[str]:
    ordered = sorted(waits)
    places = (min(int(len(ordered) * share), len(ordered) - 1) for share in (0.5, 0.95, 0.99, 1.0))
    return [f"{len(waits):,}", *(f"{ordered[place] * MS:.1f}" for place in places)]


def _asked() -> Crowd:
    parser = ArgumentParser(prog="python -m benchmarks.polling")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--interval", type=float, default=1)
    return Crowd(**vars(parser.parse_args()))


if __name__ == "__main__":
    perform(Scene(workers=0), partial(play, _asked()))
