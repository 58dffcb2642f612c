"""Images, one request at a time: the same queue, limits and ledger as every batch, and somebody who waits."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from api import control, solo
from api.asking import Asking
from api.auth import Caller
from api.deps import Submitter, Tools, bearer
from api.instruments import Instruments
from api.once import REPLAYED, fingerprint, is_repeat, key_in, repeat_key
from api.openai.failures import told
from api.openai.lines import images_response, length_of, request_id, written
from api.openai.views import Accepted
from api.openai.wording import DO_NOT_RETRY, documented, envelope, shown_faults
from api.route import GuardedRoute
from api.solo import Asked
from darkroom.domain.batch import BatchStatus
from darkroom.domain.ids import BATCH, JOB, shown
from darkroom.domain.job import JobState
from darkroom.domain.request import Endpoint
from darkroom.store import lone, results
from darkroom.store.lone import Standing
from darkroom.store.results import Result
from darkroom.store.session import StoreAway

ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED)


class WaitingRoute(GuardedRoute):
    """A guarded route that looks after its repeats itself: they wait for the one request."""

    async def asking(self, request: Request) -> Asking | None:  # noqa: ARG002
        """Nothing is kept of the answer: it is made of the record again."""
        return None


router = APIRouter(
    prefix="/images", tags=["OpenAI"], route_class=WaitingRoute, dependencies=[bearer]
)

_IMAGES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The images.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    202: {"model": Accepted, "description": "It goes on; nobody waits."},
    **documented(400, 401, 403, 413, 422, 429, 500, 502, 503, 504),
}
_JSON: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["prompt"],
                "properties": {"prompt": {"type": "string"}, "model": {"type": "string"}},
            }
        }
    },
}


@router.post("/generations", responses=_IMAGES, openapi_extra={"requestBody": _JSON})
async def generate(request: Request, tools: Tools, caller: Submitter) -> Response:
    """Generate images and wait for them; with `Prefer: respond-async`, only write the request down."""
    body = await request.json()
    if not isinstance(body, dict):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    draft = solo.drafted(tools.models_of(caller.project_id), Endpoint.GENERATIONS, body)
    asking = _asking(request, caller, await request.body())
    provider = tools.projects.provider(caller.project_id, None)
    asked = await run_in_threadpool(solo.ask, tools, asking, provider, draft)
    return await _answer(request, tools, caller.project_id, asked)


def _asking(request: Request, caller: Caller, content: bytes) -> Asking:
    """Under the caller's key, or under one made of the request, for a client that re-sends by itself."""
    asked, key = fingerprint(request, content), key_in(request)
    if key is not None:
        return Asking(caller.project_id, key, asked)
    own = repeat_key(request, asked)
    return Asking(caller.project_id, own, asked, repeatable=True, repeated=is_repeat(request))


async def _answer(request: Request, tools: Instruments, project_id: str, asked: Asked) -> Response:
    headers = REPLAYED if asked.attached else {}
    if "respond-async" in request.headers.get("prefer", ""):
        return await run_in_threadpool(_accepted, tools, asked, headers)
    try:
        standing = await tools.endings.of(asked.batch_id)
        paused = standing if standing.paused_reason else None
        if paused:
            await run_in_threadpool(_give_up, tools, project_id, asked.batch_id)
            standing = await tools.endings.of(asked.batch_id)
        return await run_in_threadpool(_told, tools, paused or standing, headers)
    except StoreAway:
        return _error(
            HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "the server or its database ends"
        )


def _accepted(tools: Instruments, asked: Asked, headers: Mapping[str, str]) -> Response:
    with tools.transaction() as connection:
        job_id = lone.job_of(connection, asked.batch_id)
    batch = shown(BATCH, asked.batch_id)
    url = f"/api/v1/batches/{batch}" if job_id is None else f"/api/v1/jobs/{shown(JOB, job_id)}"
    accepted = Accepted(id=batch if job_id is None else shown(JOB, job_id), batch_id=batch, url=url)
    told_so = {"Location": url, "Preference-Applied": "respond-async", "Retry-After": "1"}
    return JSONResponse(accepted.model_dump(), HTTPStatus.ACCEPTED, headers={**headers, **told_so})


def _give_up(tools: Instruments, project_id: str, batch_id: UUID) -> None:
    """Nobody waits for a person to resume it: what has not been begun is not made."""
    with tools.transaction() as connection:
        control.cancel(connection, project_id, batch_id)


def _told(tools: Instruments, standing: Standing, headers: Mapping[str, str]) -> Response:
    """The answer to a request that has ended."""
    with tools.transaction() as connection:
        found = results.page(connection, standing.batch_id, ENDED, after=-1, limit=1)
    if found and found[0].state is JobState.SUCCEEDED:
        return _images(tools, found[0], headers)
    if standing.status is BatchStatus.FAILED:
        fault = shown_faults(standing.problems)[0]
        return _error(HTTPStatus.BAD_REQUEST, fault["code"], fault["message"], param=fault["param"])
    if found and found[0].failure and found[0].state is JobState.FAILED:
        status, error = told(found[0].failure)
        return _error(status, error["code"], error["message"], kind=error["type"])
    if standing.paused_reason:
        detail = standing.paused_detail or "no call is made for it until a person resumes it"
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, f"paused_{standing.paused_reason}", detail)
    detail = f"the request was {standing.status} before it was begun"
    return _error(HTTPStatus.SERVICE_UNAVAILABLE, f"request_{standing.status}", detail)


def _images(tools: Instruments, result: Result, headers: Mapping[str, str]) -> Response:
    pieces = images_response(result, links=False)
    more = {"Content-Length": str(length_of(pieces)), "x-provider-request-id": request_id(result)}
    chunks = written(tools.blobs, pieces)
    return StreamingResponse(chunks, headers={**headers, **more}, media_type="application/json")


def _error(
    status: HTTPStatus,
    code: str,
    message: str,
    *,
    kind: str | None = None,
    param: str | None = None,
) -> Response:
    """An error that came when the request had been written down: to send it again would pay again."""
    usual = (
        "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    )
    return envelope(status, message, kind or usual, code, param=param, headers=DO_NOT_RETRY)
