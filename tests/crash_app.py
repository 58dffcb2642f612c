"""A worker that stops or dies at one named point of an attempt: its tools are wrapped, its code is not."""

import os
import signal
import sys
import threading
from dataclasses import replace
from functools import cache

from celery import Celery

from darkroom.settings import Settings
from worker.app import build_tools, create_app
from worker.tools import Tools
from worker.upstream import Upstream


def halt(point: str) -> None:
    """Stops or dies there, the first time only."""
    if os.environ["CRASH_AT"] == point:
        os.environ["CRASH_AT"] = ""
        sys.stdout.write(f"stopping at {point}\n")
        # At this thread, so that it does not run on while the signal finds another.
        signal.pthread_kill(threading.get_ident(), signal.Signals[os.environ["CRASH_BY"]])


class Blobs:
    """The store, halting between what it is asked and what comes next."""

    def __init__(self, store: object) -> None:
        self._store = store

    def __getattr__(self, name: str):
        act = getattr(self._store, name)
        if name not in ("keep", "put"):
            return act

        def acted(*arguments: object):
            result = act(*arguments)
            halt({"keep": "after_receipt", "put": "before_settle"}[name])
            return result

        return acted


class Client:
    """The provider's client, halting as the last look at the lease begins."""

    def __init__(self, client: object) -> None:
        self._client = client

    def call(self, *arguments: object, may_send, **options: object):
        def looked() -> bool:
            halt("may_send")
            return may_send()

        return self._client.call(*arguments, may_send=looked, **options)


def build(settings: Settings, app: Celery) -> Tools:
    tools = build_tools(settings, app)
    upstreams = {name: _halting(upstream) for name, upstream in tools.upstreams.items()}
    return replace(tools, blobs=Blobs(tools.blobs), upstreams=upstreams)


def _halting(upstream: Upstream) -> Upstream:
    return replace(upstream, make_client=lambda: Client(upstream.make_client()))


@cache
def _app() -> Celery:
    return create_app(Settings(), build)


def __getattr__(name: str) -> Celery:
    if name == "app":
        return _app()
    raise AttributeError(name)
