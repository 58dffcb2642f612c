"""A night at the limit: 600 images a minute, three seconds a call, stray refusals and errors of the server.

python -m benchmarks.limits [--prompts 1000] [--workers 1 8] [--others | --alone | --learning]
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from benchmarks.stage import PATIENCE, PYTHON, ROOT, Scene, Stage, perform, row, until
from benchmarks.table import show

PER_MINUTE = 600
LATENCY = 3.0
IN_FLIGHT = 60
SEMAPHORE = 30
FAULTS = ("stray_429", "server_error")
SHARE = 0.02

PROVIDER = {
    "images_per_minute": PER_MINUTE,
    "window_seconds": 1,
    "faults": [{"fault": name, "probability": SHARE} for name in FAULTS],
}


@dataclass(frozen=True, slots=True)
class Bill:
    """What the provider saw: its refusals that were our own fault, and images made for one prompt twice."""

    calls: int
    refused: int
    twice: int


@dataclass(frozen=True, slots=True)
class Run:
    """One way of making the images."""

    name: str
    prompts: int
    wall: float
    failed: int
    bill: Bill

    @property
    def figures(self) -> tuple[str, ...]:
        ideal = self.prompts / (PER_MINUTE / 60)
        bill = self.bill
        counts = (self.failed, bill.refused, bill.twice)
        return self.name, f"{self.prompts:,}", f"{self.wall / ideal:.2f}", *map(str, counts)


class Provider:
    """The studio's other side: what it is told to do, and its ledger."""

    def __init__(self, stage: Stage) -> None:
        self._url = f"{stage.urls.sandbox}/_sandbox"

    def begin(self, **settings: Any) -> None:
        httpx2.post(f"{self._url}/reset").raise_for_status()
        self.change(**settings)

    def change(self, **settings: Any) -> None:
        httpx2.post(f"{self._url}/config", json=settings).raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        ledger = httpx2.get(f"{self._url}/ledger", timeout=60).json()
        found: list[dict[str, Any]] = ledger["calls"]
        return found

    def bill(self) -> Bill:
        calls = self.calls()
        billed = Counter(call["prompt"] for call in calls if call["images_billed"])
        refused = sum(call["status"] == 429 and call["fault"] is None for call in calls)
        return Bill(len(calls), refused, billed.total() - len(billed))


def script(stage: Stage, name: str, prompts: int, module: str, **env: str) -> Run:
    """Another way, in a process of its own that has started and imported before its clock does."""
    provider = Provider(stage)
    provider.begin(**PROVIDER)
    url = f"{stage.urls.sandbox}/v1"
    done = subprocess.run(
        (*PYTHON, module, url, str(prompts), str(SEMAPHORE)),
        cwd=ROOT,
        env={**os.environ, **env},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    wall, failed = done.stdout.split()
    print(name, wall, failed, provider.bill(), file=sys.stderr)
    return Run(name, prompts, float(wall), int(failed), provider.bill())


def queue(stage: Stage, workers: int, prompts: int) -> Run:
    """A batch, from its submission to its end; nothing is still starting by then."""
    provider = Provider(stage)
    provider.begin(**PROVIDER)
    stage.calm()
    begun = time.time()
    batch = submitted(stage, prompts)
    with stage.database() as connection:
        ended = until(
            lambda: row(connection, "SELECT * FROM batches WHERE id = %s", batch)["ended_at"],
            "the end",
            patience=prompts / (PER_MINUTE / 60) * 3 + PATIENCE,
        )
        failed = row(connection, "SELECT failed FROM batches WHERE id = %s", batch)["failed"]
    name = f"darkroom, {workers} worker{'s' * (workers != 1)}"
    return Run(name, prompts, ended.timestamp() - begun, failed, provider.bill())


def submitted(stage: Stage, prompts: int) -> Any:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "prompts.csv"
        lines = [f"a mug; number {number},1024x1024,low" for number in range(prompts)]
        file.write_text("\n".join(("prompt,size,quality", *lines)))
        return stage.submit(file)


def scene(workers: int, **variables: str) -> Scene:
    return Scene(in_flight=IN_FLIGHT, workers=workers, latency=LATENCY, variables=variables)


LIMIT_KNOWN: Mapping[str, str] = {
    "DARKROOM_REQUESTS_PER_MINUTE": "",
    "DARKROOM_IMAGES_PER_MINUTE": str(PER_MINUTE),
}
NO_LIMIT_KNOWN: Mapping[str, str] = {"DARKROOM_REQUESTS_PER_MINUTE": ""}


def others(stage: Stage, prompts: int, naive_prompts: int) -> list[Run]:
    broker = {"NAIVE_BROKER": str(stage.urls.redis)}
    gate = f"Semaphore({SEMAPHORE}) and the SDK"
    return [
        script(stage, gate, prompts, "benchmarks.semaphore"),
        script(stage, "naive Celery", naive_prompts, "benchmarks.naive", **broker),
    ]


def learning(stage: Stage) -> None:
    """No limit is configured: one of 300 a minute is found; then it is halved."""
    provider = Provider(stage)
    spans = []
    provider.begin(images_per_minute=300, window_seconds=1)
    submitted(stage, 1_000)
    for limit in (300, 150):
        provider.change(images_per_minute=limit)
        before = len(provider.calls())
        time.sleep(60)
        first = provider.calls()[before:]
        time.sleep(30)
        later = provider.calls()[before + len(first) :]
        spans.append((limit, *_figures(first), f"{_made(later) * 2 / limit:.2f}", _refused(later)))
    header = (
        "limit a minute",
        "calls",
        "refused",
        "of it",
        "pace after a minute ÷ limit",
        "refused",
    )
    show(
        "The first minute under a limit that nobody told, and half a minute after it", header, spans
    )


def _figures(calls: Sequence[Mapping[str, Any]]) -> tuple[object, ...]:
    refused = _refused(calls)
    return len(calls), refused, f"{refused / len(calls):.1%}"


def _refused(calls: Sequence[Mapping[str, Any]]) -> int:
    return sum(call["status"] == 429 for call in calls)


def _made(calls: Sequence[Mapping[str, Any]]) -> int:
    return sum(call["status"] != 429 for call in calls)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits")
    parser.add_argument("--prompts", type=int, default=1_000)
    parser.add_argument("--naive-prompts", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--others", action="store_true", help="the other ways only")
    parser.add_argument("--alone", action="store_true", help="darkroom only")
    parser.add_argument("--learning", action="store_true", help="how limits are found, only")
    return parser.parse_args()


def main() -> None:
    asked = options()
    if asked.learning:
        perform(scene(1, **NO_LIMIT_KNOWN), learning)
        return
    runs = [
        perform(
            scene(workers, **LIMIT_KNOWN), lambda stage, n=workers: queue(stage, n, asked.prompts)
        )
        for workers in ([] if asked.others else asked.workers)
    ]
    if not asked.alone:
        runs += perform(
            scene(0, **LIMIT_KNOWN),
            lambda stage: others(stage, asked.prompts, asked.naive_prompts),
        )
    header = ("", "prompts", "time ÷ ideal", "failed", "refused by our fault", "paid twice")
    show(f"{PER_MINUTE} images a minute, {LATENCY} s a call", header, [one.figures for one in runs])


if __name__ == "__main__":
    main()
