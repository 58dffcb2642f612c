"""The call itself: a request, and the pictures that go along, lent by the storage while they are sent."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from darkroom.blobs import BlobMissing, BlobStore, StorageFailed
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.reference import COLUMNS
from darkroom.domain.request import Endpoint
from darkroom.pictures import PictureFormat, extension, kind_of, media_type
from darkroom.provider import Answer, CallFailed, Part
from worker.upstream import Upstream


def send(
    blobs: BlobStore,
    upstream: Upstream,
    request: Mapping[str, Any],
    *,
    may_send: Callable[[], bool],
    attempt_id: UUID,
) -> Answer:
    """Makes the one call of an attempt; its pictures are read piece by piece on their way out.

    Raises:
        CallFailed: there is no whole answer; also when a picture cannot be had, and then nothing is sent.
    """
    endpoint = Endpoint.EDITS if "images" in request else Endpoint.GENERATIONS
    with ExitStack() as lent:
        return upstream.client().call(
            endpoint,
            {name: value for name, value in request.items() if name not in COLUMNS},
            deadline_seconds=upstream.patience(request),
            may_send=may_send,
            client_request_id=attempt_id.hex,
            parts=_parts(lent, blobs, request),
        )


def _parts(lent: ExitStack, blobs: BlobStore, request: Mapping[str, Any]) -> list[Part]:
    """The pictures of a request, open until `lent` is closed."""
    images = request.get("images", ())
    field = "image" if len(images) == 1 else "image[]"
    named = [(field, f"image-{number}", sha256) for number, sha256 in enumerate(images, 1)]
    named += [("mask", "mask", request["mask"])] if "mask" in request else []
    try:
        return [_part(lent, blobs, *one) for one in named]
    except BlobMissing as missing:
        message = (
            f"a picture of this row is gone from the storage ({missing}); submit the row again"
        )
        failure = Failure(FailureClass.INVALID_REQUEST, "reference_missing", message)
    except StorageFailed as failed:
        failure = Failure(FailureClass.STORE_AWAY, "storage_away", str(failed))
    raise CallFailed(failure, sent=False, latency_ms=0)


def _part(lent: ExitStack, blobs: BlobStore, field: str, stem: str, sha256: str) -> Part:
    file = lent.enter_context(lent.enter_context(blobs.local(sha256)).open("rb"))
    kind = kind_of(file.read(16)) or PictureFormat.PNG
    file.seek(0)
    return Part(field, f"{stem}.{extension(kind)}", media_type(kind), file)
