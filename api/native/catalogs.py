"""Catalogs: compared with what is there, brought up to date, looked at, put back."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from api import catalogs as verbs
from api.deps import Reader, Submitter, Tools, bearer
from api.errors import documented
from api.names import (
    catalog_name,
    file_key,
    item_cursor,
    item_place,
    version_cursor,
    version_number,
)
from api.native.catalog_views import (
    DifferenceOut,
    ItemOut,
    ItemPage,
    NightIn,
    NightOut,
    VersionOut,
    VersionPage,
)
from api.native.pages import LongPageQuery, PageQuery
from api.route import GuardedRoute
from darkroom.store import catalogs, shelves

router = APIRouter(
    prefix="/catalogs", tags=["catalogs"], route_class=GuardedRoute, dependencies=[bearer]
)


@router.post(
    "/{name}/diff",
    operation_id="diffCatalog",
    summary="Compare a catalog",
    responses=documented(400, 401, 403, 404, 413, 422, 503),
)
def diff(tools: Tools, caller: Submitter, name: str, body: NightIn) -> DifferenceOut:
    """Tell what a night would do; nothing is spent."""
    plan = file_key(body.plan_file_id)
    return DifferenceOut.of(
        verbs.difference(tools, caller.project_id, catalog_name(name), plan, body.wish())
    )


@router.post(
    "/{name}/nights",
    operation_id="beginNight",
    summary="Begin a night",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented(400, 401, 403, 404, 413, 422, 503),
)
def begin(tools: Tools, caller: Submitter, name: str, body: NightIn) -> NightOut:
    """Begin a night, or go on with the one that is not over."""
    plan = file_key(body.plan_file_id)
    return NightOut.of(verbs.begin(tools, caller.project_id, catalog_name(name), plan, body.wish()))


@router.get(
    "/{name}/versions",
    operation_id="listVersions",
    summary="List versions",
    responses=documented(401, 403, 404, 422, 503),
)
def list_versions(
    tools: Tools, caller: Reader, name: str, asked: Annotated[PageQuery, Query()]
) -> VersionPage:
    """List a catalog's versions, newest first."""
    before = version_cursor(asked.after)
    with tools.transaction() as connection:
        catalog = verbs.owned(connection, caller.project_id, catalog_name(name))
        found = catalogs.versions(connection, catalog.id, asked.limit + 1, before)
        data = [VersionOut.of(connection, catalog, one) for one in found]
    return VersionPage.of(data, asked.limit, lambda one: str(one.version))


@router.get(
    "/{name}/versions/{version}",
    operation_id="getVersion",
    summary="Show a version",
    responses=documented(401, 403, 404, 422, 503),
)
def show(tools: Tools, caller: Reader, name: str, version: str) -> VersionOut:
    """Show a version."""
    with tools.transaction() as connection:
        catalog = verbs.owned(connection, caller.project_id, catalog_name(name))
        known = verbs.version_of(connection, catalog, version_number(version))
        return VersionOut.of(connection, catalog, known)


@router.post(
    "/{name}/versions/{version}/publish",
    operation_id="publishVersion",
    summary="Publish a version",
    responses=documented(401, 403, 404, 409, 422, 503),
)
def publish(tools: Tools, caller: Submitter, name: str, version: str) -> VersionOut:
    """Make a version the current one."""
    with tools.transaction() as connection:
        verbs.publish(connection, caller.project_id, catalog_name(name), version_number(version))
        catalog = verbs.owned(connection, caller.project_id, catalog_name(name))
        known = verbs.version_of(connection, catalog, version_number(version))
        return VersionOut.of(connection, catalog, known)


@router.get(
    "/{name}/versions/{version}/items",
    operation_id="listItems",
    summary="List a version's items",
    responses=documented(401, 403, 404, 422, 503),
)
def list_items(
    tools: Tools,
    caller: Reader,
    name: str,
    version: str,
    asked: Annotated[LongPageQuery, Query()],
) -> ItemPage:
    """List what a version shows, by SKU and variant."""
    after = item_cursor(asked.after)
    with tools.transaction() as connection:
        catalog = verbs.owned(connection, caller.project_id, catalog_name(name))
        verbs.version_of(connection, catalog, version_number(version))
        found = shelves.page(
            connection, catalog.id, version_number(version), asked.limit + 1, after
        )
    data = [ItemOut.of(one) for one in found]
    return ItemPage.of(data, asked.limit, lambda one: item_place(one.sku, one.variant))
