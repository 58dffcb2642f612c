"""Batches: submitted, looked at, paused, resumed, cancelled, retried."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import control, submission
from api.deps import Reader, Submitter, Tools, bearer
from api.errors import documented
from api.names import batch_cursor, batch_key
from api.native.bodies import BatchIn, PauseIn, ResumeIn, RetryIn
from api.native.views import BatchOut, BatchPage
from api.route import GuardedRoute
from darkroom.domain.batch import PausedReason
from darkroom.store import insights

PAGE_LIMIT = 100
POLL_SECONDS = "1"

router = APIRouter(
    prefix="/batches", tags=["batches"], route_class=GuardedRoute, dependencies=[bearer]
)


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_description="It is written down; workers read its rows now.",
    responses={
        200: {"model": BatchOut, "description": "There was one of this fingerprint; it goes on."},
        **documented(400, 401, 403, 404, 413, 422, 503),
    },
)
def submit(tools: Tools, caller: Submitter, body: BatchIn, response: Response) -> BatchOut:
    """Submit a batch."""
    done = submission.submit(tools, caller.project_id, body.source(), body.submission())
    if done.attached:
        response.status_code = HTTPStatus.OK
    with tools.transaction() as connection:
        view = control.owned_batch(connection, caller.project_id, done.id)
    return _announced(response, BatchOut.of(view))


@router.get("", responses=documented(401, 403, 422, 503))
def list_batches(
    tools: Tools,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 20,
    after: str | None = None,
) -> BatchPage:
    """List batches that are nobody's retry, newest first."""
    with tools.transaction() as connection:
        found = insights.page(connection, caller.project_id, limit + 1, batch_cursor(after))
    data = [BatchOut.of(view) for view in found[:limit]]
    return BatchPage(data=data, has_more=len(found) > limit)


@router.get("/{batch_id}", responses=documented(401, 403, 404, 422, 503))
def show(tools: Tools, caller: Reader, batch_id: str) -> BatchOut:
    """Show a batch: its counts, its cost, and how long it will take."""
    with tools.transaction() as connection:
        return BatchOut.of(control.owned_batch(connection, caller.project_id, batch_key(batch_id)))


@router.post("/{batch_id}/pause", responses=documented(400, 401, 403, 404, 409, 422, 503))
def pause(tools: Tools, caller: Submitter, batch_id: str, body: PauseIn | None = None) -> BatchOut:
    """Pause a batch: no new call is made for it."""
    reason = body.reason if body else PausedReason.REQUESTED
    with tools.transaction() as connection:
        return BatchOut.of(
            control.pause(connection, caller.project_id, batch_key(batch_id), reason)
        )


@router.post("/{batch_id}/resume", responses=documented(400, 401, 403, 404, 409, 422, 503))
def resume(
    tools: Tools, caller: Submitter, batch_id: str, body: ResumeIn | None = None
) -> BatchOut:
    """Resume a batch, under a new budget if one is given."""
    budget = body.budget if body else None
    with tools.transaction() as connection:
        return BatchOut.of(
            control.resume(connection, caller.project_id, batch_key(batch_id), budget)
        )


@router.post("/{batch_id}/cancel", responses=documented(401, 403, 404, 409, 422, 503))
def cancel(tools: Tools, caller: Submitter, batch_id: str) -> BatchOut:
    """Cancel a batch: no new call is made, those in flight are waited for, their images kept."""
    with tools.transaction() as connection:
        return BatchOut.of(control.cancel(connection, caller.project_id, batch_key(batch_id)))


@router.post(
    "/{batch_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    response_description="The new batch, linked to the first.",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
)
def retry(
    tools: Tools,
    caller: Submitter,
    batch_id: str,
    response: Response,
    body: RetryIn | None = None,
) -> BatchOut:
    """Retry what failed or expired; what may have been paid for only if it is named."""
    only = body.only if body else None
    with tools.transaction() as connection:
        view = control.retry(connection, caller.project_id, batch_key(batch_id), only)
    return _announced(response, BatchOut.of(view))


def _announced(response: Response, batch: BatchOut) -> BatchOut:
    """Says where to look for what comes of it, and when."""
    response.headers["Location"] = f"/api/v1/batches/{batch.id}"
    response.headers["Retry-After"] = POLL_SECONDS
    return batch
