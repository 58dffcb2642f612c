"""Catalogs: what each shows, its nights, and one night as a wall of its images."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator

from api import catalogs as verbs
from api.deps import Tools
from api.names import catalog_name, version_number
from api.native import reports
from api.web.pages import page, wants_fragment
from api.web.route import PageRoute
from api.web.visitor import Reading, Submitting
from darkroom.domain.catalog import Key
from darkroom.domain.request import unstorable
from darkroom.store import catalogs, insights, shelves
from darkroom.store.shelves import Shelved

NIGHTS = 60
FRAMES = 96
"""In one chunk, as in a batch's gallery."""

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Night:
    """A version as an address names it."""

    name: str
    version: str


Word = Annotated[str, BeforeValidator(lambda word: "" if unstorable(word) else word)]
"""Text that the record can be asked for; no item is called otherwise."""


class Behind(BaseModel):
    """The item behind which a chunk begins; none for the first."""

    sku: Word = ""
    variant: Word = ""

    @property
    def key(self) -> Key:
        return self.sku, self.variant

    @property
    def query(self) -> str:
        """The same in an address.

        >>> Behind(sku="a b", variant="main").query, Behind().query
        ('?sku=a+b&variant=main', '')
        """
        return "?" + urlencode({"sku": self.sku, "variant": self.variant}) if self.sku else ""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Some items in their order, their own address, and that of those after them, if there are any."""

    items: Sequence[Shelved]
    address: str
    following: str | None


@router.get("/catalogs")
def list_catalogs(request: Request, tools: Tools, visitor: Reading) -> Response:
    """Show the project's catalogs."""
    with tools.transaction() as connection:
        found = insights.catalogs_of(connection, visitor.project_id)
    return page(request, "catalogs.html", catalogs=found)


@router.get("/catalogs/{name}")
def show(request: Request, tools: Tools, visitor: Reading, name: str) -> Response:
    """Show how the last night went, when the next one is due, and all nights, newest first."""
    with tools.transaction() as connection:
        catalog = verbs.owned(connection, visitor.project_id, catalog_name(name))
        found = catalogs.versions(connection, catalog.id, limit=NIGHTS)
        nights = [insights.night(connection, catalog.id, one) for one in found]
        report = reports.latest(connection, catalog)
    return page(
        request, "catalog.html", catalog=catalog, nights=nights, report=report,
        may_control=visitor.may_control,
    )  # fmt: skip


@router.get("/catalogs/{name}/versions/{version}")  # noqa: FAST003 - the dependency takes both
def show_version(
    request: Request,
    tools: Tools,
    visitor: Reading,
    where: Annotated[Night, Depends()],
    after: Annotated[Behind, Query()],
) -> Response:
    """Show what a version shows, from the item behind this one on."""
    with tools.transaction() as connection:
        catalog = verbs.owned(connection, visitor.project_id, catalog_name(where.name))
        known = verbs.version_of(connection, catalog, version_number(where.version))
        found = shelves.page(connection, catalog.id, known.number, FRAMES + 1, after.key)
        shelf = _shelf(f"{address(catalog.name)}/versions/{known.number}", after, found)
        if wants_fragment(request):
            return page(request, "shelf_chunk.html", shelf=shelf)
        night = insights.night(connection, catalog.id, known)
    return page(request, "shelf.html", catalog=catalog, night=night, shelf=shelf)


@router.post("/catalogs/{name}/versions/{version}/publish")
def publish(tools: Tools, visitor: Submitting, name: str, version: str) -> Response:
    """Make a version the current one."""
    with tools.transaction() as connection:
        verbs.publish(connection, visitor.project_id, catalog_name(name), version_number(version))
    return RedirectResponse(address(name), HTTPStatus.SEE_OTHER)


def address(name: str) -> str:
    """Where a catalog's page is.

    >>> address("Winter 50 %")
    '/catalogs/Winter%2050%20%25'
    """
    return f"/catalogs/{quote(name, safe='')}"


def _shelf(path: str, after: Behind, found: Sequence[Shelved]) -> Shelf:
    items = found[:FRAMES]
    last = Behind(sku=items[-1].sku, variant=items[-1].variant) if len(found) > FRAMES else None
    return Shelf(items, path + after.query, path + last.query if last else None)
