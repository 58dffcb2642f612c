"""Waiting for a single request, and what is told of how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from api import control
from api.instruments import Instruments
from api.once import REPLAYED
from api.openai.failures import told
from api.openai.lines import events, images_response, length_of, request_id, written
from api.openai.views import Accepted
from api.openai.wording import DO_NOT_RETRY, envelope, in_one, shown_faults, type_of
from api.solo import Asked
from darkroom.domain.batch import BatchStatus
from darkroom.domain.ids import BATCH, JOB, shown
from darkroom.domain.job import JobState
from darkroom.domain.problem import UNREADABLE
from darkroom.store import lone, results
from darkroom.store.lone import Standing
from darkroom.store.results import Result
from darkroom.store.session import StoreAway

ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Answering:
    """One request that was written down, and the form in which its images are wanted."""

    tools: Instruments
    project_id: str
    asked: Asked
    stream: bool

    async def answer(self, request: Request) -> Response:
        """The images, waited for, or why there are none; or that nobody waits."""
        if "respond-async" in request.headers.get("prefer", ""):
            return await run_in_threadpool(self._accepted)
        endings, batch_id = self.tools.endings, self.asked.batch_id
        try:
            standing = await endings.of(batch_id)
            paused = standing if standing.paused_reason else None
            if paused:
                await run_in_threadpool(self._give_up, batch_id)
                standing = await endings.of(batch_id)
            return await run_in_threadpool(self._told, paused or standing)
        except StoreAway:
            return _error(
                HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "the server or its database ends"
            )

    @property
    def _headers(self) -> Mapping[str, str]:
        return REPLAYED if self.asked.attached else {}

    def _accepted(self) -> Response:
        with self.tools.transaction() as connection:
            job_id = lone.job_of(connection, self.asked.batch_id)
        batch = shown(BATCH, self.asked.batch_id)
        url = f"/api/v1/batches/{batch}" if job_id is None else f"/api/v1/jobs/{shown(JOB, job_id)}"
        name = batch if job_id is None else shown(JOB, job_id)
        accepted = Accepted(id=name, batch_id=batch, url=url)
        told_so = {"Location": url, "Preference-Applied": "respond-async", "Retry-After": "1"}
        headers = {**self._headers, **told_so}
        return JSONResponse(accepted.model_dump(), HTTPStatus.ACCEPTED, headers=headers)

    def _give_up(self, batch_id: UUID) -> None:
        """Nobody waits for a person to resume it: what has not been begun is not made."""
        with self.tools.transaction() as connection:
            control.cancel(connection, self.project_id, batch_id)

    def _told(self, standing: Standing) -> Response:
        """The answer to a request that has ended."""
        with self.tools.transaction() as connection:
            found = results.page(connection, standing.batch_id, ENDED, after=-1, limit=1)
        if found and found[0].state is JobState.SUCCEEDED:
            return self._images(found[0])
        return _refused(standing, found[0] if found else None)

    def _images(self, result: Result) -> Response:
        pieces = events(result) if self.stream else images_response(result)
        more = {
            "Content-Length": str(length_of(pieces)),
            "x-provider-request-id": request_id(result),
        }
        return StreamingResponse(
            written(self.tools.blobs, pieces),
            headers={**self._headers, **more},
            media_type="text/event-stream" if self.stream else "application/json",
        )


def _refused(standing: Standing, result: Result | None) -> Response:
    """Why there are no images."""
    if standing.status is BatchStatus.FAILED:
        faults = shown_faults(standing.problems)
        code, param = faults[0]["code"], faults[0]["param"]
        ours = code == UNREADABLE
        status = HTTPStatus.SERVICE_UNAVAILABLE if ours else HTTPStatus.BAD_REQUEST
        message = in_one((one["param"], one["message"]) for one in faults)
        return _error(status, code, message, param=param)
    if result and result.failure and result.state is JobState.FAILED:
        status, error = told(result.failure)
        return _error(status, error["code"], error["message"], kind=error["type"])
    if standing.paused_reason:
        detail = standing.paused_detail or "no call is made for it until a person resumes it"
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, f"paused_{standing.paused_reason}", detail)
    detail = f"the request was {standing.status} before it was begun"
    return _error(HTTPStatus.SERVICE_UNAVAILABLE, f"request_{standing.status}", detail)


def _error(
    status: HTTPStatus,
    code: str,
    message: str,
    *,
    kind: str | None = None,
    param: str | None = None,
) -> Response:
    """An error that came when the request had been written down: to send it again would pay again."""
    return envelope(
        status, message, kind or type_of(status), code, param=param, headers=DO_NOT_RETRY
    )
