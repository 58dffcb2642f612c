"""Catalogs, as callers ask for them: a plan that was uploaded, looked at or begun; versions put back."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar
from uuid import UUID

from api.fresh import fresh_id
from api.instruments import Instruments
from api.refusals import Conflict, Fault, Invalid, Missing
from darkroom.blobs import BlobMissing
from darkroom.catalogs import night
from darkroom.catalogs.night import Night, Studio, Wish
from darkroom.catalogs.reading import Plan
from darkroom.domain.catalog import Difference, VersionState
from darkroom.domain.ids import FILE, shown
from darkroom.domain.problem import BadInput
from darkroom.store import catalogs, files
from darkroom.store.catalogs import Catalog, Version
from darkroom.store.session import Connection

FAULTS_TOLD = 100

Done = TypeVar("Done")


def difference(
    tools: Instruments, project_id: str, name: str, plan_id: UUID, wish: Wish
) -> Difference:
    """What a night would do.

    Raises:
        Invalid: The plan cannot be used.
        Missing: There is no such plan.
    """
    return _planned(
        tools,
        project_id,
        plan_id,
        lambda plan: night.difference(_studio(tools), project_id, name, plan, wish),
    )


def begin(tools: Instruments, project_id: str, name: str, plan_id: UUID, wish: Wish) -> Night:
    """Begins a night, or goes on with the one that is not over.

    Raises:
        Invalid: The plan cannot be used.
        Missing: There is no such plan.
    """
    return _planned(
        tools,
        project_id,
        plan_id,
        lambda plan: night.begin(_studio(tools), project_id, name, plan, wish),
    )


def _planned(
    tools: Instruments, project_id: str, plan_id: UUID, act: Callable[[Plan], Done]
) -> Done:
    with tools.transaction() as connection:
        file = files.get(connection, plan_id, project_id)
    if file is None:
        raise Missing("file", shown(FILE, plan_id))
    try:
        with tools.blobs.local(file.sha256) as path:
            provider = tools.projects.provider(project_id, None)
            contents = partial(night.contents, _studio(tools), project_id)
            return act(Plan(path, provider, tools.models_of(project_id), contents))
    except BlobMissing:
        raise Missing("file", shown(FILE, plan_id)) from None
    except BadInput as bad:
        told = bad.problems[:FAULTS_TOLD]
        faults = [Fault(p.code, str(p), "#/plan_file_id", p.line, p.column) for p in told]
        raise Invalid(faults) from None


def _studio(tools: Instruments) -> Studio:
    return Studio(tools.engine, tools.blobs, fresh_id)


def owned(connection: Connection, project_id: str, name: str) -> Catalog:
    """A catalog of this project. Raises Missing."""
    found = catalogs.find(connection, project_id, name)
    if found is None:
        raise Missing("catalog", name)
    return found


def version_of(connection: Connection, catalog: Catalog, number: int) -> Version:
    """One of its versions. Raises Missing."""
    found = catalogs.version(connection, catalog.id, number)
    if found is None:
        raise Missing("version", str(number))
    return found


def publish(connection: Connection, project_id: str, name: str, number: int) -> None:
    """Makes a version the current one: a candidate, or an earlier one that is put back.

    Raises:
        Missing: There is none such.
        Conflict: It is not over.
    """
    catalog = catalogs.hold(
        connection, project_id, owned(connection, project_id, name).name, fresh_id()
    )
    if version_of(connection, catalog, number).state is VersionState.MAKING:
        detail = f"version {number} is still being made; wait for its end, or cancel its batch"
        raise Conflict("version_in_progress", detail)
    catalogs.publish(connection, catalog.id, number)
