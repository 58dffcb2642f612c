"""What an answer proves: images that are stored, a failure that has a class, or nothing that is known."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from darkroom.domain.attempt import Disposition, Failed, Outcome, StoredImage, Succeeded, Unknown
from darkroom.domain.failure import Failure, FailureClass, Reaction
from darkroom.domain.models import AUTO, Model
from darkroom.domain.pricing import Usage, text_tokens_guess
from darkroom.pictures import NotAPicture, Picture, inspect
from darkroom.provider import Answer, Images, read
from darkroom.store import leases
from darkroom.store.evidence import Late, settle_late
from darkroom.store.session import transaction
from worker import receipts
from worker.tools import Tools

SURPLUS_KEPT = 10
"""As many as the API makes in one call; whatever a broken relay sends beyond stays in the receipt."""


def judge(tools: Tools, provider: str, request: Mapping[str, Any], answer: Answer) -> Outcome:
    """How an attempt ended that got this answer; images that are whole are stored by the time it returns."""
    reading = read(answer, int(request["n"]))
    request_id = answer.headers.get("x-request-id")
    if isinstance(reading, Failure):
        return _vain(reading, request_id, answer.latency_ms)
    stored = _stored(tools, request, reading)
    if isinstance(stored, Failure):
        return _vain(stored, reading.request_id, answer.latency_ms)
    model = tools.models_of(provider).priced[request["model"]]
    cost = _cost(model, request, reading.usage)
    return Succeeded(
        stored,
        reading.usage,
        cost,
        reading.request_id,
        answer.latency_ms,
        _shortfall(request, stored),
    )


def _shortfall(request: Mapping[str, Any], stored: tuple[StoredImage, ...]) -> Failure | None:
    asked, came = int(request["n"]), len(stored)
    if came >= asked:
        return None
    message = f"{came} of {asked} images came; they are kept, and only the missing are asked again"
    return Failure(FailureClass.INCOMPLETE, "images_missing", message)


def _cost(model: Model, request: Mapping[str, Any], usage: Usage | None) -> Decimal:
    """The bill, or what the formula says where a relay sends none."""
    if usage is not None:
        return model.price.cost(usage)
    tokens = text_tokens_guess(request["prompt"])
    references = len(request.get("images", ()))
    return model.expected(
        tokens, request["quality"], request["size"], int(request["n"]), references
    )


def _vain(failure: Failure, request_id: str | None, latency_ms: int) -> Outcome:
    """An answer without an image: what it cost is nothing, or nobody knows."""
    if failure.klass.reaction is Reaction.POLICY:
        return Unknown(failure, request_id, latency_ms)
    return Failed(failure, Decimal(0), request_id, latency_ms)


def _stored(
    tools: Tools, request: Mapping[str, Any], reading: Images
) -> tuple[StoredImage, ...] | Failure:
    """The images that are whole; of more than were asked for, a few are kept beside them as surplus."""
    stored: list[StoredImage] = []
    flaw = "the answer holds no image"
    asked = int(request["n"])
    for index, data in enumerate(reading.images[: asked + SURPLUS_KEPT]):
        picture = inspect(data)
        if isinstance(picture, NotAPicture):
            flaw = f"the answer's image is not one: {picture.reason}"
            continue
        stored.append(
            StoredImage(
                index=index,
                sha256=tools.blobs.put(data),
                bytes=len(data),
                format=picture.format,
                width=picture.width,
                height=picture.height,
                disposition=_disposition(request, picture)
                if len(stored) < asked
                else Disposition.SURPLUS,
            )
        )
    return tuple(stored) or Failure(FailureClass.UNKNOWN_OUTCOME, "not_an_image", flaw)


def _disposition(request: Mapping[str, Any], picture: Picture) -> Disposition:
    size = request["size"]
    as_asked = size in (AUTO, f"{picture.width}x{picture.height}")
    if as_asked and picture.format == request["output_format"]:
        return Disposition.PUBLISHED
    return Disposition.MISMATCH


def found(tools: Tools, job_id: int) -> bool:
    """Looks once more for the answers to a job's unknown attempts; true if one gave the job its image."""
    with transaction(tools.engine) as connection:
        unknown = leases.unknown_attempts(connection, job_id)
    adopted = False
    for attempt_id, provider, request in unknown:
        answer = receipts.find(tools, attempt_id)
        outcome = judge(tools, provider, request, answer) if answer else None
        if isinstance(outcome, Succeeded | Failed):
            with transaction(tools.engine) as connection:
                late = settle_late(connection, attempt_id, outcome)
            if late is not Late.STALE:
                receipts.forget(tools, attempt_id)
            adopted = adopted or late is Late.ADOPTED
    return adopted
