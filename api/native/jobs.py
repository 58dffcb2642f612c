"""Jobs: by page and by state, and one with every call that was made for it."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field

from api import control
from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.names import batch_key, job_cursor, job_key
from api.native.bodies import storable
from api.native.links import LONGEST
from api.native.pages import LongPageQuery
from api.native.views import AttemptOut, JobDetail, JobOut, JobPage
from api.refusals import Missing
from api.route import GuardedRoute
from darkroom.domain.batchfile import CUSTOM_ID_LIMIT
from darkroom.domain.failure import FailureClass
from darkroom.domain.job import JobState
from darkroom.domain.review import Judgement
from darkroom.store import insights
from darkroom.store.session import Connection, now_at


class JobQuery(LongPageQuery):
    """Which jobs of a batch."""

    state: Annotated[list[JobState], Field(max_length=len(JobState))] = Field([])
    verdict: Judgement | None = Field(None, description="What a person said of its images.")
    failure: Annotated[list[FailureClass], Field(max_length=len(FailureClass))] = Field(
        [],
        description="Why they failed; of the failed, where no `state` is given.",
    )
    custom_id: (
        Annotated[str, Field(max_length=CUSTOM_ID_LIMIT), AfterValidator(storable)] | None
    ) = None
    links: Annotated[int, Field(ge=1, le=LONGEST)] | None = Field(
        None, description="Sign the images' URLs, so that they need no key for so many seconds."
    )


router = APIRouter(tags=["jobs"], route_class=GuardedRoute, dependencies=[bearer])


@router.get(
    "/batches/{batch_id}/jobs",
    operation_id="listJobs",
    summary="List a batch's jobs",
    responses=documented(401, 403, 404, 422, 503),
)
def list_jobs(
    tools: Tools,
    caller: Reader,
    batch_id: str,
    asked: Annotated[JobQuery, Query()],
) -> JobPage:
    """List a batch's jobs in the order of their lines, the retried in the place of what they retry."""
    with tools.transaction() as connection:
        key = control.owned_batch(connection, caller.project_id, batch_key(batch_id)).id
        found = insights.jobs_page(
            connection,
            key,
            limit=asked.limit + 1,
            after=job_cursor(asked.after),
            states=asked.state,
            verdict=asked.verdict,
            failures=asked.failure,
            custom_id=asked.custom_id,
        )
        data = [JobOut.of(view) for view in found]
        if asked.links:
            _sign(tools, connection, data, asked.links)
    return JobPage.of(data, asked.limit, lambda one: one.id)


def _sign(tools: Tools, connection: Connection, page: list[JobOut], seconds: int) -> None:
    """Makes the images' URLs links that need no key."""
    until = now_at(connection) + timedelta(seconds=seconds)
    for job in page:
        for image in job.images:
            image.url = tools.signatures.link(connection, image.url, until)


@router.get(
    "/jobs/{job_id}",
    operation_id="getJob",
    summary="Show a job",
    responses=documented(401, 403, 404, 422, 503),
)
def show(tools: Tools, caller: Reader, job_id: str) -> JobDetail:
    """Show one job with its images and its attempts."""
    with tools.transaction() as connection:
        view = insights.job(connection, caller.project_id, job_key(job_id))
        if view is None:
            raise Missing("job", job_id)
        calls = insights.job_attempts(connection, view.id)
    return JobDetail.of(
        view, history=[AttemptOut.of(call, tools.retention.answers) for call in calls]
    )
