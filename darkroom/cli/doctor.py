"""What is wrong with this installation, and the fix."""

import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import httpx2
import typer

from darkroom.cli.client import Client
from darkroom.cli.ending import CliError, Exit
from darkroom.cli.environment import Environment, read_environment
from darkroom.cli.replies import Readiness
from darkroom.cli.stack import local_key
from darkroom.cli.terminal import Terminal
from darkroom.domain.figures import volume
from darkroom.local.errors import LocalError, PortTaken
from darkroom.local.home import Home
from darkroom.local.ports import resolved
from darkroom.local.stack import Stack
from darkroom.settings import OPENAI

LEAST_PYTHON = (3, 11)
LITTLE_DISK = 2 << 30
LEAST_DISK = 256 << 20
CLOCK_MAY_DIFFER = timedelta(seconds=30)
_SECONDS = 5.0
_PORTS = {"postgresql": 5432, "redis": 6379, "rediss": 6379, "https": 443, "http": 80}


class Grade(StrEnum):
    """How a check turned out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it is, and for all but `ok` the fix."""

    grade: Grade
    what: str
    says: str


def doctor() -> None:
    """Check this installation.

    Example: darkroom doctor

    Each line is ok, warn or fail, with the fix. Exit status: 0 nothing failed, 1 something did.
    """
    terminal, environment = Terminal(), read_environment()
    failed = False
    for finding in findings(environment):
        terminal.result(f"{finding.grade:5} {finding.what:9} {finding.says}")
        failed = failed or finding.grade is Grade.FAIL
    raise typer.Exit(Exit.FAILURES if failed else Exit.MADE)


def findings(environment: Environment) -> Iterator[Finding]:
    """Every check, in the order in which they build on each other."""
    yield _python()
    yield from _home(environment)
    yield _provider_key(environment)
    yield _base_url(environment)
    yield _clock(environment)
    if environment.api_url and environment.api_key:
        key = environment.api_key.get_secret_value()
        yield from _running(environment.api_url, key)
    elif running := Stack.running(environment.root):
        yield from _running(running.api_url, local_key(environment))
    else:
        yield Finding(Grade.OK, "stack", "none is running; `darkroom up` starts one")
        yield from _own_servers(environment)
        yield _port(environment, "api_port")
        yield _port(environment, "flower_port")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        return Finding(Grade.FAIL, "python", f"{version}; install 3.11 or newer")
    return Finding(Grade.OK, "python", version)


def _home(environment: Environment) -> Iterator[Finding]:
    home = Home(environment.root)
    try:
        home.prepare()
    except LocalError as error:
        yield Finding(Grade.FAIL, "home", str(error))
        return
    yield Finding(Grade.OK, "home", str(home.root))
    free = shutil.disk_usage(home.root).free
    if free < LEAST_DISK:
        yield Finding(Grade.FAIL, "disk", f"{volume(free)} free; make room or move DARKROOM_HOME")
    elif free < LITTLE_DISK:
        yield Finding(Grade.WARN, "disk", f"{volume(free)} free; a thousand images need about 2 GB")
    else:
        yield Finding(Grade.OK, "disk", f"{volume(free)} free")


def _provider_key(environment: Environment) -> Finding:
    if environment.openai_api_key is not None:
        return Finding(Grade.OK, "key", "OPENAI_API_KEY is set")
    says = "OPENAI_API_KEY is not set: the sandbox draws placeholders; set it for real images"
    return Finding(Grade.WARN, "key", says)


def _base_url(environment: Environment) -> Finding:
    url = environment.openai_base_url
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return Finding(Grade.FAIL, "provider", f"OPENAI_BASE_URL={url} is no URL; write {OPENAI}")
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if not parts.path.rstrip("/").endswith("/v1"):
        says = f"OPENAI_BASE_URL={shown} does not end in /v1; most providers want {shown}/v1"
        return Finding(Grade.WARN, "provider", says)
    if environment.openai_api_key is None and url != OPENAI:
        says = (
            f"OPENAI_BASE_URL={shown} is not used without OPENAI_API_KEY; set any if it needs none"
        )
        return Finding(Grade.WARN, "provider", says)
    return Finding(Grade.OK, "provider", shown)


def _clock(environment: Environment) -> Finding:
    """Compared with the provider's clock: a clock that is wrong breaks TLS and signatures."""
    if environment.openai_api_key is None:
        return Finding(
            Grade.OK, "clock", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, not compared"
        )
    try:
        answer = httpx2.head(environment.openai_base_url, timeout=_SECONDS)
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx2.HTTPError, httpx2.InvalidURL, KeyError, ValueError) as error:
        says = f"the provider cannot be asked ({type(error).__name__}); check network and base URL"
        return Finding(Grade.WARN, "clock", says)
    off = abs(datetime.now(UTC) - theirs)
    if off > CLOCK_MAY_DIFFER:
        says = f"differs from the provider's by {off.total_seconds():.0f} s; set it (NTP)"
        return Finding(Grade.FAIL, "clock", says)
    return Finding(Grade.OK, "clock", "agrees with the provider's")


def _running(url: str, key: str) -> Iterator[Finding]:
    with Client(url, key) as client:
        try:
            readiness = client.readiness()
            client.batches(1)
        except CliError as error:
            yield Finding(Grade.FAIL, "api", str(error))
            return
    yield Finding(Grade.OK, "api", f"{url} takes our key")
    yield from map(_part, readiness.checks.items())
    yield _workers(readiness)


def _part(check: tuple[str, str]) -> Finding:
    name, state = check
    match state:
        case "ok":
            return Finding(Grade.OK, name, "ok")
        case _ if state.startswith("degraded"):
            return Finding(Grade.WARN, name, f"{state}; work goes on when it is back")
        case _:
            return Finding(Grade.FAIL, name, f"{state}; see the log directory of DARKROOM_HOME")


def _workers(readiness: Readiness) -> Finding:
    if readiness.workers:
        return Finding(Grade.OK, "workers", f"{readiness.workers} slots")
    return Finding(Grade.WARN, "workers", "none is alive; start one with `darkroom up`")


def _own_servers(environment: Environment) -> Iterator[Finding]:
    for name, url in (("database", environment.database_url), ("redis", environment.redis_url)):
        yield Finding(Grade.OK, name, "embedded") if url is None else _reachable(name, url)


def _reachable(name: str, url: str) -> Finding:
    parts = urlsplit(url)
    host, scheme = parts.hostname or "localhost", parts.scheme.partition("+")[0]
    try:
        port = parts.port or _PORTS[scheme]
        socket.create_connection((host, port), _SECONDS).close()
    except KeyError:
        says = f"DARKROOM_{name.upper()}_URL has the scheme {scheme!r}; use postgresql or redis"
        return Finding(Grade.FAIL, name, says)
    except (OSError, ValueError) as error:
        says = f"{host} does not answer ({error}); start it or correct DARKROOM_{name.upper()}_URL"
        return Finding(Grade.FAIL, name, says)
    return Finding(Grade.OK, name, f"{host}:{port} accepts connections")


def _port(environment: Environment, name: str) -> Finding:
    port, variable = getattr(environment, name), f"DARKROOM_{name.upper()}"
    what = name.replace("_", " ")
    try:
        resolved(port, variable)
    except PortTaken as error:
        grade = Grade.FAIL if environment.says(name) else Grade.WARN
        return Finding(grade, what, str(error))
    return Finding(Grade.OK, what, f"{port or 'any'} is free")
