"""Files: uploaded to disk as they come in, whatever their size."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from api import submission
from api.deps import Reader, Submitter, Tools, bearer
from api.errors import documented
from api.native.views import FileOut, FilePage
from api.route import FORM_LIMITS, UploadRoute
from api.uploads import Upload, kept, read_upload
from darkroom.store import files

router = APIRouter(prefix="/files", tags=["files"], route_class=UploadRoute, dependencies=[bearer])

Sha256 = Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="Of the picture's bytes.")]

_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "purpose"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "purpose": {"type": "string", "enum": [*submission.PURPOSES]},
                },
            }
        }
    },
}


async def _uploaded(request: Request, _: Submitter) -> AsyncIterator[Upload]:
    """Reads the form, once the caller is known to be allowed to send it."""
    async with request.form(**FORM_LIMITS) as form:
        yield read_upload(form, f"send purpose={submission.PURPOSES[0]}")


@router.post(
    "",
    operation_id="uploadFile",
    summary="Upload a prompt list or a picture",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 401, 403, 408, 413, 422, 503),
    openapi_extra={"requestBody": _FORM},
)
def upload(tools: Tools, caller: Submitter, sent: Annotated[Upload, Depends(_uploaded)]) -> FileOut:
    """Keep a prompt list (CSV, TSV, XLSX, Parquet, JSONL or text), or a picture to be edited."""
    file = kept(tools, caller.project_id, sent)
    with tools.transaction() as connection:
        return FileOut.of(submission.record(connection, file))


@router.get(
    "",
    operation_id="findFile",
    summary="Find a picture by its content",
    responses=documented(401, 403, 422, 503),
)
def find(tools: Tools, caller: Reader, sha256: Sha256) -> FilePage:
    """Find the picture of these bytes, so that it need not be uploaded again."""
    with tools.transaction() as connection:
        found = files.reference(connection, caller.project_id, sha256)
    return FilePage(data=[FileOut.of(found)] if found else [], next=None)
