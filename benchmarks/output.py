"""A batch of 50,000 by the compatible dialect: lines handed in, and the output file fetched, images and all.

python -m benchmarks.output [--lines N] [--kilobytes N] [--blobs N]
"""

import json
import os
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from benchmarks.stage import Connection, Scene, Stage, perform
from benchmarks.table import show
from darkroom.blobs import open_store
from darkroom.domain.ids import BATCH, shown, uuid_of

MEGABYTE = 1_000_000
ENDPOINT = "/v1/images/generations"
BODY = {"model": "gpt-image-2", "size": "1024x1024", "quality": "low"}
DRAWN = """
WITH drawn AS (
    UPDATE jobs SET state = 'succeeded', ended_at = now(), begun = 1, token = 1
    WHERE batch_id = %(batch)s RETURNING id, line
), called AS (
    INSERT INTO attempts (id, job_id, batch_id, number, state, token, worker, provider, project_id,
                          day, lease_expires_at, ended_at, reserved, cost, usage, request_id)
    SELECT gen_random_uuid(), id, %(batch)s, 1, 'succeeded', 1, 'benchmark', 'default', 'default',
           current_date, now(), now(), 0, 0,
           '{"text_tokens": 20, "image_tokens": 0, "output_tokens": 196}', 'req_' || id
    FROM drawn RETURNING id, job_id
), kept AS (
    INSERT INTO images (attempt_id, index, job_id, batch_id, sha256, bytes, format, width, height,
                        disposition)
    SELECT c.id, 0, d.id, %(batch)s, (%(blobs)s::text[])[1 + d.line %% cardinality(%(blobs)s::text[])],
           %(bytes)s, 'png', 1024, 1024, 'published'
    FROM called c JOIN drawn d ON d.id = c.job_id
)
UPDATE batches SET queued = 0, succeeded = total, images = total, paused_reason = NULL
WHERE id = %(batch)s
"""
"""What workers leave behind, without the hours that they would take."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many lines the file has, and what their images are: so many different ones of so many kilobytes."""

    lines: int
    kilobytes: int
    blobs: int

    @property
    def bytes(self) -> int:
        """Of one image."""
        return self.kilobytes * 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a client does: how long it takes, how much comes, the API's memory at its peak."""

    name: str
    seconds: float
    bytes: int
    peak: int

    @property
    def shown(self) -> tuple[str, ...]:
        """As a row."""
        megabytes = self.bytes / MEGABYTE
        rate = f"{megabytes / self.seconds:,.0f}" if self.bytes else ""
        return (
            self.name,
            f"{self.seconds:.2f}",
            f"{megabytes:,.1f}",
            rate,
            f"{self.peak / MEGABYTE:.0f}",
        )


def play(size: Size, stage: Stage) -> None:
    steps: list[Step] = []

    def step(name: str, act: Callable[[], int]) -> None:
        begun = time.monotonic()
        taken = act()
        steps.append(Step(name, time.monotonic() - begun, taken, stage.peak("api")))

    data = b"".join(_line(number) for number in range(size.lines))
    made: list[UUID] = []
    step("upload and create", lambda: made.append(_created(stage, data)) or len(data))
    step("read to its end", lambda: stage.when(made[0], "in_progress_at") and 0)
    with stage.database() as connection:
        _draw(size, stage, connection, made[0])
    name = shown(BATCH, made[0])
    batch: dict[str, Any] = {}
    step("retrieve: usage summed up", lambda: batch.update(_got(stage, f"batches/{name}")) or 0)
    content = f"files/{batch['output_file_id']}/content"
    step("first byte: length measured", lambda: _fetched(stage, content, "bytes=0-0"))
    step("the whole file", lambda: _fetched(stage, content))
    step("its last kilobyte", lambda: _fetched(stage, content, "bytes=-1000"))
    title = f"{size.lines:,} lines, images of {size.kilobytes} kB as base64"
    header = ("", "s", "MB", "MB/s", "API's peak MB")
    show(title, header, [one.shown for one in steps])


def _line(number: int) -> bytes:
    body = {**BODY, "prompt": f"Product {number}: a hand-thrown stoneware mug on a linen cloth"}
    line = {"custom_id": f"SKU-{number:07d}", "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(line).encode() + b"\n"


def _created(stage: Stage, data: bytes) -> UUID:
    """The batch of these lines, paused before anything of it is drawn."""
    form: dict[str, Any] = {"data": {"purpose": "batch"}, "files": {"file": ("lines.jsonl", data)}}
    file = stage.client.post("/v1/files", **form).raise_for_status().json()
    body = {"input_file_id": file["id"], "endpoint": ENDPOINT, "completion_window": "24h"}
    batch = stage.client.post("/v1/batches", json=body).raise_for_status().json()
    stage.client.post(f"/api/v1/batches/{batch['id']}/pause").raise_for_status()
    batch_id = uuid_of(BATCH, batch["id"])
    assert batch_id
    return batch_id


def _draw(size: Size, stage: Stage, connection: Connection, batch_id: UUID) -> None:
    store = open_store((stage.home / "blobs").as_uri())
    blobs = [store.put(os.urandom(size.bytes)) for _ in range(size.blobs)]
    connection.execute(DRAWN, {"batch": batch_id, "blobs": blobs, "bytes": size.bytes})
    connection.execute("ANALYZE jobs, attempts, images")
    stage.when(batch_id, "ended_at")


def _got(stage: Stage, path: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.client.get(f"/v1/{path}").raise_for_status().json()
    return found


def _fetched(stage: Stage, path: str, part: str | None = None) -> int:
    """Reads it as it comes and keeps nothing; how many bytes came."""
    headers = {"Range": part} if part else {}
    with stage.client.stream("GET", f"/v1/{path}", headers=headers) as answer:
        received = sum(len(chunk) for chunk in answer.iter_raw())
        assert answer.is_success
        assert received == int(answer.headers["content-length"])
    return received


def _asked() -> Size:
    parser = ArgumentParser(prog="python -m benchmarks.output")
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--kilobytes", type=int, default=20)
    parser.add_argument("--blobs", type=int, default=1000)
    return Size(**vars(parser.parse_args()))


if __name__ == "__main__":
    perform(Scene(), partial(play, _asked()))
