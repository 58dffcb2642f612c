"""Batches: created from a file, looked at, listed, cancelled."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api import control, submission
from api.deps import Reader, Subject, Submitter, Tools, bearer
from api.fresh import fresh_id
from api.instruments import Instruments
from api.names import batch_key, file_key
from api.openai.bodies import DAY_HOURS, BatchCreation
from api.openai.outlook import forecast
from api.openai.route import RepeatedRoute
from api.openai.views import BatchList, BatchObject
from api.openai.wording import documented
from api.refusals import Invalid, Missing
from api.route import GuardedRoute
from api.submission import Submission
from darkroom.domain.batch import TERMINAL
from darkroom.store import files, openai_batches
from darkroom.store.openai_batches import Dossier, DossierView
from darkroom.store.session import Connection

PAGE_LIMIT = 100

creating = APIRouter(tags=["OpenAI"], route_class=RepeatedRoute, dependencies=[bearer])
router = APIRouter(
    prefix="/batches", tags=["OpenAI"], route_class=GuardedRoute, dependencies=[bearer]
)


@creating.post("/batches", responses=documented(400, 401, 403, 404, 409, 413, 422, 503))
def create(tools: Tools, caller: Submitter, subject: Subject, body: BatchCreation) -> BatchObject:
    """Create a batch of an uploaded file's lines."""
    file_id = file_key(body.input_file_id)
    _require_lines(tools, caller.project_id, file_id)
    asked = Submission(
        id=subject,
        budget=body.darkroom.budget,
        deadline=datetime.now(UTC) + timedelta(hours=DAY_HOURS),
        dossier=_dossier(body),
    )
    done = submission.submit(tools, caller.project_id, file_id, asked, caller.key_id)
    with tools.transaction() as connection:
        view = _owned(connection, caller.project_id, done.id)
    return BatchObject.of(view, forecast(tools, caller.project_id, view))


def _dossier(body: BatchCreation) -> Dossier:
    kept = body.output_expires_after
    return Dossier(
        endpoint=body.endpoint,
        completion_window=body.completion_window,
        output_file_id=fresh_id(),
        error_file_id=fresh_id(),
        metadata=body.metadata,
        links=body.darkroom.links,
        output_seconds=kept.seconds if kept else None,
    )


def _require_lines(tools: Instruments, project_id: str, file_id: UUID) -> None:
    with tools.transaction() as connection:
        file = files.get(connection, file_id, project_id)
    if file and file.purpose != files.BATCH:
        detail = f"has the purpose {file.purpose}; upload it with the purpose batch"
        raise Invalid.field("input_file_id", "invalid_purpose", detail)


@router.get("", responses=documented(400, 401, 403, 404, 503))
def list_batches(
    tools: Tools,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
    after: str | None = None,
) -> BatchList:
    """List the batches that came in by this dialect, newest first."""
    cursor = None if after is None else batch_key(after)
    with tools.transaction() as connection:
        found = openai_batches.page(connection, caller.project_id, limit + 1, cursor)
    data = [BatchObject.of(view) for view in found[:limit]]
    return BatchList(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=len(found) > limit,
    )


@router.get("/{batch_id}", responses=documented(401, 403, 404, 503))
def show(tools: Tools, caller: Reader, batch_id: str) -> BatchObject:
    """Retrieve a batch."""
    with tools.transaction() as connection:
        found = _owned(connection, caller.project_id, batch_key(batch_id))
        view = replace(found, usage=_usage(connection, found))
    return BatchObject.of(view, forecast(tools, caller.project_id, view))


@router.post("/{batch_id}/cancel", responses=documented(400, 401, 403, 404, 409, 503))
def cancel(tools: Tools, caller: Submitter, batch_id: str) -> BatchObject:
    """Cancel a batch: no new call is made, those in flight are waited for, their images kept."""
    with tools.transaction() as connection:
        key = _owned(connection, caller.project_id, batch_key(batch_id)).id
        control.cancel(connection, caller.project_id, key)
        return BatchObject.of(_owned(connection, caller.project_id, key))


def _owned(connection: Connection, project_id: str, batch_id: UUID) -> DossierView:
    view = openai_batches.get(connection, project_id, batch_id)
    if view is None:
        raise Missing("batch", f"batch_{batch_id.hex}")
    return view


def _usage(connection: Connection, view: DossierView) -> Mapping[str, int] | None:
    """The tokens of an ended batch; whoever asks first sums them up for all."""
    if view.usage is None and view.status in TERMINAL and view.total:
        return openai_batches.sum_up(connection, view.id)
    return view.usage
