"""A worker whose provider may answer with links, even to this machine."""

from dataclasses import replace
from functools import cache

from celery import Celery

from darkroom.fetching import Guard
from darkroom.settings import Settings
from worker.app import build_tools, create_app
from worker.tools import Tools


def build(settings: Settings, app: Celery) -> Tools:
    tools = build_tools(settings, app)
    guard = Guard(allow_private=True, seconds=5)
    upstreams = {name: replace(one, links=guard) for name, one in tools.upstreams.items()}
    return replace(tools, upstreams=upstreams)


@cache
def _app() -> Celery:
    return create_app(Settings(), build)


def __getattr__(name: str) -> Celery:
    if name == "app":
        return _app()
    raise AttributeError(name)
