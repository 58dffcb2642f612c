"""The call itself: a request, and the pictures that go along, lent by the storage before anything is begun."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import file_digest
from io import BufferedReader
from typing import Any
from uuid import UUID

from darkroom.blobs import BlobMissing, BlobStore, StorageFailed
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
    flaw: Failure | None = None
    """Why it can never be sent: a picture is gone, or is no longer what it was."""

    def send(self, *, may_send: Callable[[], bool], attempt_id: UUID) -> Answer:
        """Makes the one call of an attempt; its pictures are read piece by piece on their way out.

        Raises:
            CallFailed: there is no whole answer; also where it can never be sent, and then nothing is.
        """
        if self.flaw:
            raise CallFailed(self.flaw, sent=False, latency_ms=0)
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
        message = f"a picture of this row is gone from the storage ({missing})"
        return _unsendable(upstream, request, "reference_missing", message)
    except _Spoiled as spoiled:
        message = f"a picture of this row is broken in the storage (blob {spoiled})"
        return _unsendable(upstream, request, "reference_broken", message)


def unreadable(upstream: Upstream, request: Mapping[str, Any], trouble: StorageFailed) -> Letter:
    """What is left of a request of whose pictures the storage will never give one."""
    message = f"a picture of this row cannot be read, while others can: {trouble}"
    return _unsendable(upstream, request, "reference_unreadable", message)


def _unsendable(upstream: Upstream, request: Mapping[str, Any], code: str, message: str) -> Letter:
    words = f"{message}; submit the row with its picture again"
    return Letter(upstream, request, (), Failure(FailureClass.INVALID_REQUEST, code, words))


class _Spoiled(Exception):  # noqa: N818 - named for what happened
    """The bytes of a blob are not those that were kept under its address."""


def _parts(lent: ExitStack, blobs: BlobStore, request: Mapping[str, Any]) -> list[Part]:
    images = request.get("images", ())
    field = "image" if len(images) == 1 else "image[]"
    named = [(field, f"image-{number}", sha256) for number, sha256 in enumerate(images, 1)]
    named += [("mask", "mask", request["mask"])] if "mask" in request else []
    return [_part(lent, blobs, *one) for one in named]


def _part(lent: ExitStack, blobs: BlobStore, field: str, stem: str, sha256: str) -> Part:
    path = lent.enter_context(blobs.local(sha256))
    try:
        file = lent.enter_context(path.open("rb"))
        kind = _kind(file, sha256)
    except FileNotFoundError:
        raise BlobMissing(sha256) from None
    except OSError as error:
        reason = f"{error.strerror or error} ({path})"
        raise StorageFailed("read a picture", reason, "look at the storage") from error
    return Part(field, f"{stem}.{extension(kind)}", media_type(kind), file)


def _kind(file: BufferedReader, sha256: str) -> PictureFormat:
    """What a picture is, once its bytes are known to be those that were looked at; it is left at its begin."""
    if file_digest(file, "sha256").hexdigest() != sha256:
        raise _Spoiled(sha256)
    file.seek(0)
    kind = kind_of(file.read(16)) or PictureFormat.PNG
    file.seek(0)
    return kind
