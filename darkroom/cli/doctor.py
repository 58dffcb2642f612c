"""What is wrong with this installation, and the fix."""

import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from darkroom.cli.client import Client
from darkroom.cli.ending import CliError, Exit
from darkroom.cli.environment import Environment, read_environment
from darkroom.cli.finding import Finding, Grade, fail, ok, warn
from darkroom.cli.provider_checks import Patient, cut_hosts, model_finding, provider_findings
from darkroom.cli.replies import Readiness
from darkroom.cli.server_checks import (
    broker_findings,
    database_findings,
    disk_finding,
    redis_findings,
    storage_findings,
)
from darkroom.cli.stack import local_key
from darkroom.cli.terminal import Terminal
from darkroom.local.errors import LocalError, PortTaken
from darkroom.local.home import Home
from darkroom.local.ports import require_free
from darkroom.local.stack import Stack
from darkroom.sections import Source
from darkroom.settings import OPENAI, SettingsInvalid

LEAST_PYTHON = (3, 11)


def doctor(
    *,
    model: Annotated[
        str | None, typer.Option(help="The model you mean to use; else the usual one.")
    ] = None,
) -> None:
    """Check this installation.

    Example: darkroom doctor --model gpt-image-2.6-flare

    Each line is ok, warn or fail, with the fix; providers are asked which models they have, and nothing is
    spent. Exit status: 0 nothing failed, 1 something did.
    """
    terminal, environment = Terminal(), read_environment()
    failed = False
    for finding in findings(environment, model):
        terminal.result(f"{finding.grade:5} {finding.what:9} {finding.says}")
        failed = failed or finding.grade is Grade.FAIL
    raise typer.Exit(Exit.FAILURES if failed else Exit.MADE)


def findings(environment: Environment, model: str | None) -> Iterator[Finding]:
    """Every check, in the order in which they build on each other."""
    yield _python()
    yield from _home(environment)
    yield from _providers(environment, model)
    yield from database_findings(environment.database_url)
    yield from redis_findings(environment.redis_url)
    yield from broker_findings(environment.broker_url)
    if environment.storage_url:
        yield from storage_findings(
            environment.storage_url, environment.calls_in_flight, environment.database_url
        )
    if environment.api_url and environment.api_key:
        key = environment.api_key.get_secret_value()
        yield from _running(environment.api_url, key)
    elif running := Stack.running(environment.root):
        yield from _running(running.api_url, local_key(environment))
    else:
        yield ok("stack", "none is running; `darkroom up` starts one")
        yield _port(environment, "api_port")
        yield _port(environment, "flower_port")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        return fail("python", f"{version}; install 3.11 or newer")
    return ok("python", version)


def _home(environment: Environment) -> Iterator[Finding]:
    home = Home(environment.root)
    try:
        home.prepare()
    except LocalError as error:
        yield fail("home", str(error))
        return
    yield ok("home", str(home.root))
    if environment.storage_url is None:
        yield disk_finding(shutil.disk_usage(home.root).free, environment.calls_in_flight)


def _providers(environment: Environment, model: str | None) -> Iterator[Finding]:
    today = datetime.now(UTC).date()
    if environment.usual_provider == environment.provider and not environment.openai_api_key:
        yield _sandbox(environment)
    yield model_finding(
        environment.profile_of(environment.usual_provider, today).models, model, today
    )
    cuts = cut_hosts(environment.profiles_on(today).values())
    try:
        sources = environment.sources().values()
    except SettingsInvalid as invalid:
        yield fail("key", str(invalid))
        return
    for source in sources:
        if source.key.get_secret_value():
            label = "" if source.name == environment.provider else source.name
            patient = Patient(source, environment.profile_of(source.name, today), cuts, label)
            yield from provider_findings(patient, _model_for(environment, source, model))


def _model_for(environment: Environment, source: Source, model: str | None) -> str | None:
    """The model that was asked about is asked of the provider that draws for us."""
    return model if source.name == environment.usual_provider else None


def _sandbox(environment: Environment) -> Finding:
    says = "OPENAI_API_KEY is not set: the sandbox draws placeholders, no real images; set it for real ones"
    if environment.openai_base_url != OPENAI:
        says = f"{says} (OPENAI_BASE_URL is not used without it; set any key if it needs none)"
    if others := " or ".join(environment.providers):
        says = f"{says}, or have {others} draw: --provider, or [projects.default] in darkroom.toml"
    return warn("key", says)


def _running(url: str, key: str) -> Iterator[Finding]:
    with Client(url, key) as client:
        try:
            readiness = client.readiness()
            client.batches(1)
        except CliError as error:
            yield fail("api", str(error))
            return
    yield ok("api", f"{url} takes our key")
    yield from map(_part, readiness.checks.items())
    yield _workers(readiness)


def _part(check: tuple[str, str]) -> Finding:
    name, state = check
    match state:
        case "ok":
            return ok(name, "ok")
        case _ if state.startswith("degraded"):
            return warn(name, f"{state}; work goes on when it is back")
        case _:
            return fail(name, f"{state}; see the log directory of DARKROOM_HOME")


def _workers(readiness: Readiness) -> Finding:
    if readiness.workers:
        return ok("workers", f"{readiness.workers} slots")
    return warn("workers", "none is alive; start one with `darkroom up`")


def _port(environment: Environment, name: str) -> Finding:
    port, variable = getattr(environment, name), f"DARKROOM_{name.upper()}"
    what = name.replace("_", " ")
    try:
        require_free(port, variable)
    except PortTaken as error:
        grade = Grade.FAIL if environment.says(name) else Grade.WARN
        return Finding(grade, what, str(error))
    return ok(what, f"{port or 'any'} is free")
