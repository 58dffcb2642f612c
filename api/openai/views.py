"""What this dialect answers with: OpenAI's objects, with every null and every time as they have them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from api.openai.wording import shown_faults
from darkroom.domain.batch import BatchStatus
from darkroom.domain.ids import BATCH, FILE, shown
from darkroom.store.openai_batches import DossierView, ListedFile

PROBLEMS_SHOWN = 1000


class FileObject(BaseModel):
    """A file, as https://platform.openai.com/docs/api-reference/files/object has it."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: None = None

    @classmethod
    def of(cls, file: ListedFile) -> Self:
        assert file.bytes is not None
        return cls(
            id=shown(FILE, file.id),
            bytes=file.bytes,
            created_at=int(file.created_at.timestamp()),
            expires_at=_unix(file.expires_at),
            filename=file.filename,
            purpose=file.purpose,
        )


class FileList(BaseModel):
    """A page of files."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(BaseModel):
    """A file that is not there any more."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class RequestCounts(BaseModel):
    """How many requests have ended how."""

    total: int
    completed: int
    failed: int


class Forecast(BaseModel):
    """What lies ahead of it, by the limits that are set, behind all that is open."""

    requests: int = Field(description="Those left; while its file is being read, about how many.")
    seconds: float = Field(description="How long it lasts until they are made.")
    will_expire: int = Field(description="How many the completion window will leave undone.")


class BatchExtension(BaseModel):
    """What is ours, in one place."""

    paused_reason: str | None = Field(description="Why it makes no new call, though in progress.")
    paused_detail: str | None
    native_url: str = Field(description="The same batch in the native dialect.")
    forecast: Forecast | None = Field(
        description="Told when it is created or retrieved; null where no limit is set or it has ended."
    )


class BatchObject(BaseModel):
    """A batch, as https://platform.openai.com/docs/api-reference/batch/object has it."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    model: str | None = None
    errors: dict[str, Any] | None
    input_file_id: str
    completion_window: str
    status: BatchStatus
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int | None
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: RequestCounts
    usage: dict[str, Any] | None
    metadata: dict[str, str] | None
    darkroom: BatchExtension

    @classmethod
    def of(cls, view: DossierView, forecast: Forecast | None = None) -> Self:
        batch_id = shown(BATCH, view.id)
        return cls(
            id=batch_id,
            endpoint=view.endpoint,
            errors=_errors(view),
            input_file_id=shown(FILE, view.input_file_id),
            completion_window=view.completion_window,
            status=view.status,
            output_file_id=_file_id(view.output_file_id),
            error_file_id=_file_id(view.error_file_id),
            created_at=int(view.created_at.timestamp()),
            in_progress_at=_unix(view.in_progress_at),
            expires_at=_unix(view.deadline_at),
            finalizing_at=_unix(view.finalizing_at),
            cancelling_at=_unix(view.cancelling_at),
            completed_at=_ended(view, BatchStatus.COMPLETED),
            failed_at=_ended(view, BatchStatus.FAILED),
            expired_at=_ended(view, BatchStatus.EXPIRED),
            cancelled_at=_ended(view, BatchStatus.CANCELLED),
            request_counts=RequestCounts(
                total=view.total, completed=view.succeeded, failed=view.failed
            ),
            usage=None if view.usage is None else _usage(view.usage),
            metadata=None if view.metadata is None else dict(view.metadata),
            darkroom=BatchExtension(
                paused_reason=view.paused_reason,
                paused_detail=view.paused_detail,
                native_url=f"/api/v1/batches/{batch_id}",
                forecast=forecast,
            ),
        )


class BatchList(BaseModel):
    """A page of batches, newest first."""

    object: Literal["list"] = "list"
    data: list[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ModelObject(BaseModel):
    """A model, as https://platform.openai.com/docs/api-reference/models/object has it."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "openai"
    shutdown_date: str | None


class ModelList(BaseModel):
    """Every model that a request may name."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class Accepted(BaseModel):
    """An image request that goes on while nobody waits."""

    id: str = Field(description="The job; its images are there when it has succeeded.")
    object: Literal["darkroom.job"] = "darkroom.job"
    batch_id: str
    url: str


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _ended(view: DossierView, status: BatchStatus) -> int | None:
    return _unix(view.ended_at) if view.status is status else None


def _file_id(key: UUID | None) -> str | None:
    return None if key is None else shown(FILE, key)


def _errors(view: DossierView) -> dict[str, Any] | None:
    if view.status is not BatchStatus.FAILED:
        return None
    return {"object": "list", "data": shown_faults(view.problems[:PROBLEMS_SHOWN])}


def _usage(usage: Mapping[str, int]) -> dict[str, Any]:
    """The tokens of a whole batch, in the form that serves text models, too."""
    taken = usage["text_tokens"] + usage["image_tokens"]
    return {
        "input_tokens": taken,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": taken + usage["output_tokens"],
    }
