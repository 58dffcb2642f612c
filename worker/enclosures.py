"""The call itself: a request, and the pictures that go along, lent by the storage before anything is begun."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from darkroom.blobs import BlobMissing, BlobStore
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.reference import COLUMNS
from darkroom.domain.request import Endpoint
from darkroom.pictures import PictureFormat, extension, kind_of, media_type
from darkroom.provider import Answer, CallFailed, Part
from worker.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Letter:
    """A request to a provider with all that goes along: nothing but the socket comes next."""

    upstream: Upstream
    request: Mapping[str, Any]
    parts: Sequence[Part]
    missing: Failure | None = None
    """Why it can never be sent: a picture is gone."""

    def send(self, *, may_send: Callable[[], bool], attempt_id: UUID) -> Answer:
        """Makes the one call of an attempt; its pictures are read piece by piece on their way out.

        Raises:
            CallFailed: there is no whole answer; also when a picture is gone, and then nothing is sent.
        """
        if self.missing:
            raise CallFailed(self.missing, sent=False, latency_ms=0)
        endpoint = Endpoint.EDITS if "images" in self.request else Endpoint.GENERATIONS
        return self.upstream.client().call(
            endpoint,
            {name: value for name, value in self.request.items() if name not in COLUMNS},
            deadline_seconds=self.upstream.patience(self.request),
            may_send=may_send,
            client_request_id=attempt_id.hex,
            parts=self.parts,
        )


def written(
    lent: ExitStack, blobs: BlobStore, upstream: Upstream, request: Mapping[str, Any]
) -> Letter:
    """The request with its pictures at hand, however long the storage takes; open until `lent` is closed.

    Raises:
        StorageFailed: a picture cannot be had now.
    """
    try:
        return Letter(upstream, request, _parts(lent, blobs, request))
    except BlobMissing as missing:
        message = (
            f"a picture of this row is gone from the storage ({missing}); submit the row again"
        )
        gone = Failure(FailureClass.INVALID_REQUEST, "reference_missing", message)
        return Letter(upstream, request, (), gone)


def _parts(lent: ExitStack, blobs: BlobStore, request: Mapping[str, Any]) -> list[Part]:
    images = request.get("images", ())
    field = "image" if len(images) == 1 else "image[]"
    named = [(field, f"image-{number}", sha256) for number, sha256 in enumerate(images, 1)]
    named += [("mask", "mask", request["mask"])] if "mask" in request else []
    return [_part(lent, blobs, *one) for one in named]


def _part(lent: ExitStack, blobs: BlobStore, field: str, stem: str, sha256: str) -> Part:
    file = lent.enter_context(lent.enter_context(blobs.local(sha256)).open("rb"))
    kind = kind_of(file.read(16)) or PictureFormat.PNG
    file.seek(0)
    return Part(field, f"{stem}.{extension(kind)}", media_type(kind), file)
