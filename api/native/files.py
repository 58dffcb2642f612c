"""Files: uploaded to disk as they come in, whatever their size."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api import submission
from api.deps import Submitter, Tools, bearer
from api.errors import documented
from api.native.views import FileOut
from api.refusals import Invalid
from api.route import UploadRoute

router = APIRouter(prefix="/files", tags=["files"], route_class=UploadRoute, dependencies=[bearer])

FIELDS = 8
FIELD_BYTES = 4096
NAME_LENGTH = 255

_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "purpose"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "purpose": {"type": "string", "enum": [submission.PURPOSE]},
                },
            }
        }
    },
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A whole upload, spooled to disk."""

    file: UploadFile
    filename: str
    purpose: str


async def _uploaded(request: Request, _: Submitter) -> AsyncIterator[Upload]:
    """Reads the form, once the caller is known to be allowed to send it."""
    limits = {"max_files": 1, "max_fields": FIELDS, "max_part_size": FIELD_BYTES}
    async with request.form(**limits) as form:
        file, purpose = form.get("file"), form.get("purpose")
        if not isinstance(file, UploadFile):
            raise Invalid.field("file", "missing", "send multipart/form-data with a file in it")
        if not isinstance(purpose, str):
            raise Invalid.field("purpose", "missing", f"send purpose={submission.PURPOSE}")
        yield Upload(file, PurePath(file.filename or "upload").name[-NAME_LENGTH:], purpose)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 401, 403, 413, 422, 503),
    openapi_extra={"requestBody": _FORM},
)
def upload(tools: Tools, caller: Submitter, sent: Annotated[Upload, Depends(_uploaded)]) -> FileOut:
    """Keep a prompt list: CSV, TSV, XLSX, JSONL or text."""
    if (sent.file.size or 0) > tools.upload_bytes:
        detail = f"the file has {sent.file.size:,} bytes; {tools.upload_bytes:,} are taken"
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    file = submission.keep_upload(
        tools.blobs, caller.project_id, sent.file.file, sent.filename, sent.purpose
    )
    with tools.transaction() as connection:
        submission.record(connection, file)
    return FileOut.of(file)
