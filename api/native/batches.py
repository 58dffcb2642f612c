"""Batches: submitted, looked at, paused, resumed, cancelled, retried."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api import control, estimation, submission
from api.deps import Reader, Subject, Submitter, Tools, bearer
from api.errors import documented
from api.feeds import Version
from api.names import batch_cursor, batch_key, problem_cursor
from api.native.bodies import BatchIn, PauseIn, PriorityIn, ResumeIn, RetryIn
from api.native.estimates import DryRunOut
from api.native.pages import LongPageQuery, PageQuery
from api.native.views import BatchOut, BatchPage, ProblemOut, ProblemPage
from api.polled import PolledRoute
from api.ranges import is_same
from darkroom.domain.batch import PausedReason
from darkroom.store import insights
from darkroom.store.insights import BatchView

POLL_SECONDS = "1"
LEAST_SECONDS, MOST_SECONDS = 2, 60
LOOKS = 50
"""At what is left of a batch, so that a poller sees it move."""

router = APIRouter(
    prefix="/batches", tags=["batches"], route_class=PolledRoute, dependencies=[bearer]
)


@router.post(
    "",
    operation_id="submitBatch",
    summary="Submit a batch",
    status_code=HTTPStatus.ACCEPTED,
    response_description="It is written down; workers read its rows now.",
    responses={
        200: {"model": BatchOut, "description": "There was one of this fingerprint; it goes on."},
        **documented(400, 401, 403, 404, 408, 413, 422, 503),
    },
)
def submit(
    tools: Tools, caller: Submitter, subject: Subject, body: BatchIn, response: Response
) -> BatchOut:
    """Submit a batch."""
    asked = replace(body.submission(), id=subject)
    done = submission.submit(tools, caller.project_id, body.source(), asked, caller.key_id)
    if done.attached:
        response.status_code = HTTPStatus.OK
    with tools.transaction() as connection:
        view = control.owned_batch(connection, caller.project_id, done.id)
    return announced(response, BatchOut.of(view))


@router.get(
    "", operation_id="listBatches", summary="List batches", responses=documented(401, 403, 422, 503)
)
def list_batches(
    tools: Tools,
    caller: Reader,
    asked: Annotated[PageQuery, Query()],
) -> BatchPage:
    """List batches that are nobody's retry, newest first."""
    after = batch_cursor(asked.after)
    with tools.transaction() as connection:
        found = insights.page(connection, caller.project_id, asked.limit + 1, after)
    return BatchPage.of([BatchOut.of(view) for view in found], asked.limit, lambda one: one.id)


@router.post(
    "/dry-run",
    operation_id="dryRun",
    summary="Try a submission",
    responses=documented(400, 401, 403, 404, 408, 413, 422, 503),
)
def dry_run(tools: Tools, caller: Submitter, body: BatchIn) -> DryRunOut:
    """Look at a submission as it would be looked at, down to its rows; nothing is kept and nothing spent.

    What would be refused at once is refused here with the same problem.
    """
    asked = body.submission()
    finding, provider = estimation.rehearse(tools, caller.project_id, body.source(), asked)
    return DryRunOut.rehearsed(finding, provider=provider, asked=asked)


@router.get(
    "/{batch_id}",
    operation_id="getBatch",
    summary="Show a batch",
    response_model=BatchOut,
    responses={
        304: {"description": "It has not changed since the version of this ETag."},
        **documented(401, 403, 404, 422, 503),
    },
)
def show(
    tools: Tools,
    caller: Reader,
    batch_id: str,
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> BatchOut | Response:
    """Show a batch: its counts, its cost, and how long it will take.

    `ETag` is its version, as its events have it for an id; `Retry-After` says when to look again. Who sends a
    version along may be told what stood half a second ago.
    """
    project_id, key = caller.project_id, batch_key(batch_id)

    def look() -> BatchView:
        with tools.transaction() as connection:
            return control.owned_batch(connection, project_id, key)

    view = tools.looks.share((project_id, key), look)
    response.headers.update({"Cache-Control": "private, no-cache", **_polled(view)})
    if is_same(if_none_match, response.headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=response.headers)
    return BatchOut.of(view)


def _polled(view: BatchView) -> dict[str, str]:
    """What spares a poller work, and us its requests."""
    tag = {"ETag": f'W/"{Version.of(view).name}"'}
    return tag if view.ended else {**tag, "Retry-After": str(_look_again(view.eta_seconds))}


def _look_again(eta: float | None) -> int:
    """After how many seconds to look again: soon where it ends soon, and where nobody knows.

    >>> _look_again(None), _look_again(3.0), _look_again(600.0), _look_again(1e9)
    (2, 1, 12, 60)
    """
    return LEAST_SECONDS if eta is None else int(min(max(eta / LOOKS, 1), MOST_SECONDS))


@router.get(
    "/{batch_id}/problems",
    operation_id="listBatchProblems",
    summary="List what is wrong with a batch's file",
    responses=documented(401, 403, 404, 422, 503),
)
def problems(
    tools: Tools,
    caller: Reader,
    batch_id: str,
    asked: Annotated[LongPageQuery, Query()],
) -> ProblemPage:
    """List what is wrong with a batch's file, in the order of its lines."""
    seen, key = problem_cursor(asked.after), batch_key(batch_id)
    with tools.transaction() as connection:
        view = control.owned_batch(connection, caller.project_id, key)
        found = insights.problems_page(connection, view.id, limit=asked.limit + 1, after=seen)
    data = [ProblemOut.model_validate(problem) for problem in found]
    return ProblemPage.of(data, asked.limit, lambda _: str(seen + asked.limit))


@router.post(
    "/{batch_id}/pause",
    operation_id="pauseBatch",
    summary="Pause a batch",
    responses=documented(400, 401, 403, 404, 408, 409, 422, 503),
)
def pause(tools: Tools, caller: Submitter, batch_id: str, body: PauseIn | None = None) -> BatchOut:
    """Pause a batch: no new call is made for it."""
    reason = body.reason if body else PausedReason.REQUESTED
    with tools.transaction() as connection:
        return BatchOut.of(
            control.pause(connection, caller.project_id, batch_key(batch_id), reason)
        )


@router.post(
    "/{batch_id}/resume",
    operation_id="resumeBatch",
    summary="Resume a batch",
    responses=documented(400, 401, 403, 404, 408, 409, 422, 503),
)
def resume(
    tools: Tools, caller: Submitter, batch_id: str, body: ResumeIn | None = None
) -> BatchOut:
    """Let a batch go on, under a new budget if one is given.

    With the scope `admin` the provider's key is tried again, too; without it a batch that waits for the key
    is refused with 403.
    """
    budget = body.budget if body else None
    with tools.transaction() as connection:
        return BatchOut.of(control.resume(connection, caller, batch_key(batch_id), budget))


@router.post(
    "/{batch_id}/priority",
    operation_id="reprioritiseBatch",
    summary="Put a batch before or behind the others",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
)
def reprioritise(tools: Tools, caller: Submitter, batch_id: str, body: PriorityIn) -> BatchOut:
    """Reprioritise a batch: of all that wait, the highest goes first; calls in flight are finished."""
    with tools.transaction() as connection:
        return BatchOut.of(
            control.reprioritise(connection, caller.project_id, batch_key(batch_id), body.priority)
        )


@router.post(
    "/{batch_id}/cancel",
    operation_id="cancelBatch",
    summary="Cancel a batch",
    responses=documented(401, 403, 404, 409, 422, 503),
)
def cancel(tools: Tools, caller: Submitter, batch_id: str) -> BatchOut:
    """Cancel a batch: no new call is made, those in flight are waited for, their images kept."""
    with tools.transaction() as connection:
        return BatchOut.of(control.cancel(connection, caller.project_id, batch_key(batch_id)))


@router.post(
    "/{batch_id}/retry",
    operation_id="retryBatch",
    summary="Retry a batch",
    status_code=HTTPStatus.ACCEPTED,
    response_description="The new batch, linked to the first.",
    responses=documented(400, 401, 403, 404, 408, 409, 422, 503),
)
def retry(
    tools: Tools,
    caller: Submitter,
    batch_id: str,
    response: Response,
    body: RetryIn | None = None,
) -> BatchOut:
    """Retry what failed or expired; what may have been paid for only if it is named."""
    asked = body or RetryIn.model_construct()
    with tools.transaction() as connection:
        view = control.retry(
            connection, caller.project_id, batch_key(batch_id), asked.only, asked.budget
        )
    return announced(response, BatchOut.of(view))


def announced(response: Response, batch: BatchOut) -> BatchOut:
    """The same batch; says where to look for what comes of it, and when."""
    response.headers["Location"] = f"/api/v1/batches/{batch.id}"
    response.headers["Retry-After"] = POLL_SECONDS
    return batch
