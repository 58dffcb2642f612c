"""Images, one request at a time: the same queue, limits and ledger as every batch, and somebody who waits."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api import solo
from api.asking import Asking
from api.auth import Caller
from api.deps import Submitter, Tools, bearer
from api.instruments import Instruments
from api.once import fingerprint, is_repeat, key_in, repeat_key
from api.openai import edits
from api.openai.answers import Answering
from api.openai.edits import EditForm
from api.openai.views import Accepted
from api.openai.wishes import streamed
from api.openai.wording import documented
from api.route import JSON_BYTES, BoundedRequest, GuardedRoute, form_content
from api.solo import Asked
from darkroom.domain.request import Endpoint


class WaitingRoute(GuardedRoute):
    """A guarded route that looks after its repeats itself: they wait for the one request."""

    async def asking(self, request: Request) -> Asking | None:  # noqa: ARG002
        """Nothing is kept of the answer: it is made of the record again."""
        return None


class FormRoute(WaitingRoute):
    """A waiting route that takes pictures."""

    uploads = True


router = APIRouter(
    prefix="/images", tags=["OpenAI"], route_class=WaitingRoute, dependencies=[bearer]
)
editing = APIRouter(prefix="/images", tags=["OpenAI"], route_class=FormRoute, dependencies=[bearer])

_IMAGES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The images; with `stream`, as events.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    202: {"model": Accepted, "description": "It goes on; nobody waits."},
    **documented(400, 401, 403, 408, 413, 422, 429, 500, 502, 503, 504),
}
_PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`respond-async`: only write it down, and answer 202.",
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


@router.post(
    "/generations",
    responses=_IMAGES,
    openapi_extra={"requestBody": _JSON, "parameters": [_PREFER]},
)
async def generate(request: Request, tools: Tools, caller: Submitter) -> Response:
    """Generate images and wait for them; with `Prefer: respond-async`, only write the request down."""
    body, stream = streamed(await _object(request))
    draft = solo.drafted(tools.models_of(caller.project_id), Endpoint.GENERATIONS, body)
    asking = _asking(request, caller, await request.body())
    provider = tools.projects.provider(caller.project_id, None)
    write = solo.drawing(caller.project_id, provider, draft)
    asked = await run_in_threadpool(solo.ask, tools, asking, write)
    return await Answering(tools, caller.project_id, asked, stream).answer(request)


@editing.post(
    "/edits",
    responses=_IMAGES,
    openapi_extra={"requestBody": dict(edits.DOCUMENT), "parameters": [_PREFER]},
)
async def edit(request: Request, tools: Tools, caller: Submitter) -> Response:
    """Edit pictures, sent along or named by `file_id` or `image_url`, and wait for what comes of it."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(**edits.FORM_LIMITS) as form:
            sent = edits.read_form(form)
            asking = _asking(request, caller, await form_content(form))
            asked, stream = await run_in_threadpool(_edited, tools, asking, sent)
    else:
        sent = EditForm(await _object(request), (), ())
        asking = _asking(request, caller, await request.body())
        asked, stream = await run_in_threadpool(_edited, tools, asking, sent)
    return await Answering(tools, caller.project_id, asked, stream).answer(request)


async def _object(request: Request) -> Mapping[str, Any]:
    assert isinstance(request, BoundedRequest)
    request.limit = JSON_BYTES
    body = await request.json()
    if not isinstance(body, dict):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return body


def _edited(tools: Instruments, asking: Asking, sent: EditForm) -> tuple[Asked, bool]:
    """Writes an edit down, its pictures first; what is wrong beside them is told before they are kept."""
    project_id = asking.project_id
    solo.drafted(tools.models_of(project_id), Endpoint.EDITS, streamed(sent.body())[0])
    references = solo.sent_along(tools, project_id, sent.pictures)
    body, stream = streamed(sent.body(references))
    provider = tools.projects.provider(project_id, None)
    write = solo.editing(tools, project_id, provider, body)
    return solo.ask(tools, asking, write), stream


def _asking(request: Request, caller: Caller, content: bytes) -> Asking:
    """Under the caller's key, or under one made of the request, for a client that re-sends by itself."""
    asked, key = fingerprint(request, content), key_in(request)
    if key is not None:
        return Asking(caller.project_id, key, asked)
    own = repeat_key(request, asked)
    return Asking(caller.project_id, own, asked, repeatable=True, repeated=is_repeat(request))
