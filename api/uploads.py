"""An upload form: one file, with its name and what it is for."""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api import submission
from api.instruments import Instruments
from api.refusals import Invalid
from darkroom.store import files
from darkroom.store.files import File

NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Upload:
    """A whole upload, spooled to disk."""

    file: UploadFile
    filename: str
    purpose: str


def read_upload(form: FormData, fix: str) -> Upload:
    """The upload in a form; `fix` says what to send where it names no purpose.

    Raises:
        Invalid: It has no file, or no purpose.
    """
    file, purpose = form.get("file"), form.get("purpose")
    if not isinstance(file, UploadFile):
        raise Invalid.field("file", "missing", "send multipart/form-data with a file in it")
    if not isinstance(purpose, str):
        raise Invalid.field("purpose", "missing", fix)
    return Upload(file, PurePath(file.filename or "upload").name[-NAME_LENGTH:], purpose)


def kept(tools: Instruments, project_id: str, sent: Upload) -> File:
    """The file, its bytes safe in the storage and its row still to be written.

    Raises:
        HTTPException: It is too large for what it is for.
        Invalid: Its name or its purpose is of no use.
    """
    is_picture = sent.purpose == files.VISION
    require_size(sent.file, submission.REFERENCE_BYTES if is_picture else tools.upload_bytes)
    return submission.keep_upload(
        tools.blobs, project_id, sent.file.file, sent.filename, sent.purpose
    )


def require_size(file: UploadFile, largest: int) -> None:
    """Raises HTTPException where a file has more than `largest` bytes."""
    if (file.size or 0) > largest:
        detail = f"the file has {file.size:,} bytes; {largest:,} are taken"
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
