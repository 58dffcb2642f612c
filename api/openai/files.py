"""Files: uploaded, listed, read in parts, deleted; a batch's output among them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import FormData

from api import submission
from api.deps import Reader, Submitter, Tools, bearer
from api.instruments import Instruments
from api.names import file_key
from api.openai import output
from api.openai.bodies import ExpiresAfter
from api.openai.views import FileDeleted, FileList, FileObject
from api.openai.wording import documented
from api.ranges import is_same, part
from api.refusals import Invalid, Missing
from api.route import FORM_LIMITS, GuardedRoute, UploadRoute
from api.uploads import Upload, kept, read_upload
from darkroom.store import files, openai_batches
from darkroom.store.openai_batches import ListedFile

PAGE_LIMIT = 10_000

uploads = APIRouter(tags=["OpenAI"], route_class=UploadRoute, dependencies=[bearer])
router = APIRouter(
    prefix="/files", tags=["OpenAI"], route_class=GuardedRoute, dependencies=[bearer]
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a client uploads, and when it is to be forgotten."""

    upload: Upload
    expires_after: ExpiresAfter | None


class FileQuery(BaseModel):
    """Which files."""

    purpose: str | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = PAGE_LIMIT
    order: Literal["asc", "desc"] = "desc"
    after: str | None = Field(None, description="The id of the last file seen.")


class Conditions(BaseModel):
    """Which part, and only if the caller has it not yet."""

    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None


async def _uploaded(request: Request, _: Submitter) -> AsyncIterator[Sent]:
    """Reads the form, once the caller is known to be allowed to send it."""
    async with request.form(**FORM_LIMITS) as form:
        yield Sent(read_upload(form, "send a purpose, for example batch"), _expiry(form))


def _expiry(form: FormData) -> ExpiresAfter | None:
    anchor, seconds = form.get("expires_after[anchor]"), form.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    try:
        return ExpiresAfter.model_validate({"anchor": anchor, "seconds": seconds})
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise Invalid.field("expires_after", "value_not_allowed", said) from None


@uploads.post("/files", responses=documented(400, 401, 403, 409, 413, 422, 503))
def upload(
    tools: Tools, caller: Submitter, sent: Annotated[Sent, Depends(_uploaded)]
) -> FileObject:
    """Upload a file of batch lines, or a picture to be edited."""
    file = kept(tools, caller.project_id, sent.upload)
    if sent.expires_after:
        span = timedelta(seconds=sent.expires_after.seconds)
        file = replace(file, expires_at=datetime.now(UTC) + span)
    with tools.transaction() as connection:
        recorded = submission.record(connection, file)
        found = openai_batches.file(connection, caller.project_id, recorded.id)
    assert found
    return FileObject.of(found)


@router.get("", responses=documented(400, 401, 403, 404, 503))
def list_files(tools: Tools, caller: Reader, asked: Annotated[FileQuery, Query()]) -> FileList:
    """List files."""
    with tools.transaction() as connection:
        found = openai_batches.listed(
            connection,
            caller.project_id,
            limit=asked.limit + 1,
            purpose=asked.purpose,
            after=None if asked.after is None else file_key(asked.after),
            ascending=asked.order == "asc",
        )
    data = [FileObject.of(output.measured(tools, file)) for file in found[: asked.limit]]
    return FileList(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=len(found) > asked.limit,
    )


@router.get("/{file_id}", responses=documented(401, 403, 404, 503))
def show(tools: Tools, caller: Reader, file_id: str) -> FileObject:
    """Retrieve what is known of a file."""
    return FileObject.of(output.measured(tools, _file(tools, caller.project_id, file_id)))


@router.delete("/{file_id}", responses=documented(401, 403, 404, 503))
def delete(tools: Tools, caller: Submitter, file_id: str) -> FileDeleted:
    """Delete a file; what was made of it stays."""
    with tools.transaction() as connection:
        if not openai_batches.delete(connection, caller.project_id, file_key(file_id)):
            raise Missing("file", file_id)
    return FileDeleted(id=file_id)


@router.get(
    "/{file_id}/content",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The bytes.", "content": {"application/octet-stream": {}}},
        206: {"description": "The part that was asked for."},
        304: {"description": "As in your cache."},
        **documented(401, 403, 404, 410, 416, 503),
    },
)
def content(
    tools: Tools,
    caller: Reader,
    file_id: str,
    asked: Annotated[Conditions, Header()],
) -> Response:
    """Read a file, or a part of it."""
    file = output.measured(tools, _file(tools, caller.project_id, file_id))
    assert file.bytes is not None
    tag = f'"{file_id}-{file.bytes}-{file.lines or 0}"'
    if is_same(asked.if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    wanted = part(asked.range, file.bytes) if asked.if_range in (None, tag) else None
    start, end = wanted or (0, file.bytes)
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.bytes}"
    return StreamingResponse(
        _bytes(tools, caller.project_id, file, start, end),
        HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK,
        headers=headers,
        media_type="application/octet-stream",
    )


def _bytes(
    tools: Instruments, project_id: str, file: ListedFile, start: int, end: int
) -> Iterator[bytes]:
    if file.kind is not None:
        return output.read(tools, file, start, end)
    with tools.transaction() as connection:
        stored = files.get(connection, file.id, project_id)
    if stored is None:
        raise Missing("file", file.filename)
    return tools.blobs.read(stored.sha256, start, end)


def _file(tools: Instruments, project_id: str, file_id: str) -> ListedFile:
    with tools.transaction() as connection:
        found = openai_batches.file(connection, project_id, file_key(file_id))
    if found is None:
        raise Missing("file", file_id)
    return found
