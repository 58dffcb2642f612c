"""The system: what does the work, how well it is, and how much waits for it."""

from fastapi import APIRouter, Request, Response

from api.deps import Tools
from api.health import ready
from api.native.providers import standings
from api.web.pages import page
from api.web.route import PageRoute
from api.web.visitor import Reading
from darkroom.store import machinery

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/system")
def system(request: Request, tools: Tools, visitor: Reading) -> Response:
    """Show workers, providers, queue and what all stands on."""
    checks = ready(tools, Response()).checks
    with tools.transaction() as connection:
        workers = machinery.worker_views(connection)
        depth = machinery.depth(connection, visitor.project_id)
    return page(
        request, "system.html", checks=checks, workers=workers, depth=depth,
        providers=standings(tools, visitor.project_id), flower_url=tools.flower_url,
    )  # fmt: skip
