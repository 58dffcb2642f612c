"""Where processes are born with their imports done: each a real one, forked from a server that imported once.

What a worker, an API or a sandbox takes to start is to nine tenths the import of its libraries, and the tests start
some hundred of each. That the commands start on their own as well is tested where stacks and containers are.
"""

import gc
import os
import runpy
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

import psutil

FORKED = {"celery", "uvicorn", "sandbox"}
"""What `python -m` runs here of which the imports are done."""

_FORKS = get_context("forkserver")
_DONE = [
    "__main__",
    # what `celery worker` imports once it has begun
    "celery.bin.celery", "celery.bin.worker", "celery.apps.worker", "celery.app.amqp", "celery.app.control",
    "celery.app.log", "celery.concurrency.thread", "celery.worker.autoscale", "celery.worker.consumer",
    "celery.worker.loops", "celery.worker.strategy", "kombu.transport.redis", "worker.app",
    # and a server, and the sandbox
    "anyio._backends._asyncio", "api.app", "fastapi.telemetry._runtime", "prometheus_client.exposition",
    "uvicorn.lifespan.on", "uvicorn.loops.asyncio", "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "sandbox.server",
]  # fmt: skip
"""Each is found by what a forked process has in `sys.modules` when it works, and its server has not."""


def is_forked(argv: Sequence[str]) -> bool:
    """Whether this command is one whose imports are done."""
    return tuple(argv[:2]) == (sys.executable, "-m") and argv[2] in FORKED


def fork(
    argv: Sequence[str], env: Mapping[str, str], cwd: str
) -> tuple[ForkServerProcess, Connection]:
    """`python -m module …` as a process of its own, in a session of its own; and the end of its output to read."""
    _FORKS.set_forkserver_preload(_DONE)
    told, telling = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(
        target=_be, args=(list(argv[2:]), dict(env), cwd, telling), daemon=True
    )
    process.start()
    telling.close()
    return process, told


def servers() -> set[psutil.Process]:
    """The processes that fork, and that keep count of what is shared: they end with the tests."""
    ours = psutil.Process().children()
    return {one for one in ours if _is_server(one)}


def _is_server(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "from multiprocessing." in " ".join(process.cmdline())
    return False


def _be(argv: list[str], env: dict[str, str], cwd: str, telling: Connection) -> None:
    gc.freeze()
    os.setsid()
    for number in (1, 2):
        os.dup2(telling.fileno(), number)
    telling.close()
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    sys.path[:0] = [cwd, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = argv
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
