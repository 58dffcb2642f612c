"""Garbage collection: what was kept for as long as the operator keeps it goes."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from api.deps import Admin, Tools, bearer
from api.errors import documented
from api.native.examples import shows
from api.projects import USUAL
from api.route import GuardedRoute
from darkroom.retention import Freed, collect, foreseen

EXAMPLE = {
    "images": 500,
    "files": 3,
    "answers": 0,
    "events": 41,
    "bytes": 741_600_500,
    "waiting": 500,
    "more": True,
}

router = APIRouter(prefix="/gc", tags=["files"], route_class=GuardedRoute, dependencies=[bearer])


class GcIn(BaseModel):
    """Whether it is meant."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=shows({"dry_run": True}))

    dry_run: StrictBool = Field(False, description="Only say what would be given up.")


class FreedOut(BaseModel):
    """What was given up; one call does a bounded part of it."""

    model_config = ConfigDict(json_schema_extra=shows(EXAMPLE))

    images: int = Field(description="Images given up; their rows stay and say so.")
    files: int = Field(description="Uploads given up.")
    answers: int = Field(description="Raw answers dropped.")
    events: int = Field(description="Events forgotten, with their deliveries.")
    bytes: int = Field(
        description="What went from the storage; of a dry run, what those images and files have."
    )
    waiting: int = Field(
        description="Contents that go two minutes after they were given up, if nothing needs them."
    )
    more: bool = Field(description="Ask again: there was something to do.")

    @classmethod
    def of(cls, freed: Freed, *, more: bool) -> Self:
        return cls(
            images=freed.images,
            files=freed.files,
            answers=freed.answers,
            events=freed.events,
            bytes=freed.bytes,
            waiting=freed.waiting,
            more=more,
        )


@router.post(
    "",
    operation_id="collectGarbage",
    summary="Collect garbage",
    responses=documented(400, 401, 403, 408, 422, 503),
)
def gc(tools: Tools, caller: Admin, body: GcIn) -> FreedOut:
    """Give up what was kept for long enough, of every project; for an operator's key. Workers do it hourly."""
    caller.about(USUAL)
    if body.dry_run:
        return FreedOut.of(foreseen(tools.engine, tools.blobs, tools.retention), more=False)
    freed = collect(tools.engine, tools.blobs, tools.retention)
    return FreedOut.of(freed, more=bool(freed.number or freed.bytes))
