"""Projects: who draws for each, what it may spend, and what it has."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.names import project_cursor
from api.native.examples import PROJECT, paged
from api.native.pages import Page, PageQuery
from api.native.views import CostOut
from api.projects import USUAL, Projects
from api.route import GuardedRoute
from darkroom.store import insights
from darkroom.store.insights import ProjectView

router = APIRouter(
    prefix="/projects", tags=["projects"], route_class=GuardedRoute, dependencies=[bearer]
)


class ProjectOut(BaseModel):
    """A project with its budgets; `cap` is null where there is no limit."""

    id: str
    providers: list[str] = Field(description="Whom it may ask, its own first.")
    time_zone: str = Field(description="Whose midnight begins its day.")
    today: CostOut = Field(description="Under `budget_per_day`.")
    total: CostOut = Field(description="Under `budget`.")

    @classmethod
    def of(cls, view: ProjectView, known: Projects) -> Self:
        return cls(
            id=view.id,
            providers=list(known.names(view.id)),
            time_zone=view.time_zone,
            today=CostOut.model_validate(view.today, from_attributes=True),
            total=CostOut.model_validate(view.total, from_attributes=True),
        )


class ProjectPage(Page[ProjectOut]):
    """Projects by name."""

    model_config = ConfigDict(json_schema_extra=paged(PROJECT))


@router.get(
    "",
    operation_id="listProjects",
    summary="List projects",
    responses=documented(401, 403, 422, 503),
)
def list_projects(
    tools: Tools,
    caller: Reader,
    asked: Annotated[PageQuery, Query()],
) -> ProjectPage:
    """List the caller's project; with a key of the operator's own, all of them."""
    only = None if caller.project_id == USUAL else caller.project_id
    with tools.transaction() as connection:
        found = insights.projects_page(
            connection, limit=asked.limit + 1, after=project_cursor(asked.after), only=only
        )
    data = [ProjectOut.of(view, tools.projects) for view in found]
    return ProjectPage.of(data, asked.limit, lambda one: one.id)
