"""Attempts in processes that really die, each before its n-th outside action; forked from one that has imported all.

Reads lines `job token n` and answers each with what the process did: `died`, or `ended` if it had fewer actions.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

from celery import Celery
from sqlalchemy import event

from darkroom.settings import Settings
from worker.app import build_tools
from worker.attempt import attempt
from worker.tools import Tools


class Countdown:
    """Kills this process as its n-th outside action is about to begin."""

    def __init__(self, left: int) -> None:
        self._left = left

    def step(self, *_: object, **__: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, act: Callable) -> Callable:
        def acted(*arguments: object, **options: object):
            self.step()
            return act(*arguments, **options)

        return acted


class Watched:
    """Something outside, each of whose acts is counted."""

    def __init__(self, inner: object, countdown: Countdown) -> None:
        self._inner, self._countdown = inner, countdown

    def __getattr__(self, name: str):
        return self._countdown.before(getattr(self._inner, name))


class Client:
    """The provider's client: the call, and the last look before its first byte, are two actions."""

    def __init__(self, client: object, countdown: Countdown) -> None:
        self._client, self._countdown = client, countdown

    def call(self, *arguments: object, may_send: Callable, **options: object):
        self._countdown.step()
        answer = self._client.call(*arguments, may_send=self._countdown.before(may_send), **options)
        self._countdown.step()
        return answer


def watched(tools: Tools, countdown: Countdown) -> Tools:
    for name in ("before_cursor_execute", "commit"):
        event.listen(tools.engine, name, countdown.step)
    for upstream in tools.upstreams.values():
        upstream.limiter._script = countdown.before(upstream.limiter._script)
    upstreams = {
        name: replace(one, make_client=lambda one=one: Client(one.make_client(), countdown))
        for name, one in tools.upstreams.items()
    }
    return replace(tools, blobs=Watched(tools.blobs, countdown), upstreams=upstreams)


def die_at(job_id: int, token: int, number: int) -> None:
    with Celery("test", set_as_current=False) as app:
        tools = watched(build_tools(Settings(), app), Countdown(number))
        attempt(tools, job_id, token)


def answer(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    answer("ready")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.dup2(2, 1)  # what is logged is not an answer
            die_at(*map(int, line.split()))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        answer("died" if os.WIFSIGNALED(status) else f"ended {status}")


if __name__ == "__main__":
    main()
