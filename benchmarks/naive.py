"""What the Celery handbook suggests: a rate limit on the task, and a retry after whatever goes wrong.

NAIVE_BROKER=redis://… python -m benchmarks.naive URL CALLS IN_FLIGHT
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from celery import Celery
from openai import OpenAI
from redis import Redis

RATE = "600/m"
PATIENCE = 300

app = Celery("naive", broker=os.environ.get("NAIVE_BROKER"))
app.conf.update(task_default_queue="naive", worker_pool="threads", task_ignore_result=True)
client = OpenAI(base_url=os.environ.get("NAIVE_URL"), api_key="sandbox")
score = Redis.from_url(os.environ.get("NAIVE_BROKER", "redis://"), socket_timeout=PATIENCE)


class Draw(app.Task):  # type: ignore[name-defined,misc]
    """Counts what ended, one way or the other."""

    def on_success(self, *_: Any) -> None:
        score.rpush("naive:ended", 1)

    def on_failure(self, *_: Any) -> None:
        score.rpush("naive:ended", 0)


@app.task(  # type: ignore[untyped-decorator]
    name="draw", base=Draw, rate_limit=RATE, autoretry_for=(Exception,), retry_backoff=True
)
def draw(number: int) -> None:
    client.images.generate(
        model="gpt-image-2",
        prompt=f"a mug, number {number}",
        size="1024x1024",
        quality="low",
    )


def measure(calls: int, in_flight: str) -> None:
    """Prints the seconds that it took and how many images were never made."""
    argv = (sys.executable, "-m", "celery", "-A", "benchmarks.naive", "worker", "-c", in_flight)
    worker = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not app.control.ping(timeout=1, destination=None):
            assert worker.poll() is None
        begun, made = time.perf_counter(), 0
        for number in range(calls):
            draw.delay(number)
        for _ in range(calls):
            ended = score.blpop(["naive:ended"], timeout=PATIENCE - 1)
            made += int(ended[1])  # type: ignore[index]
        print(time.perf_counter() - begun, calls - made)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()


if __name__ == "__main__":
    os.environ["NAIVE_URL"], number, at_once = sys.argv[1:]
    measure(int(number), at_once)
