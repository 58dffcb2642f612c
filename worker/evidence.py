"""What an answer proves: images that are stored, a failure that has a class, or nothing that is known."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from darkroom.domain.answer import Answer
from darkroom.domain.attempt import Failed, Outcome, StoredImage, Succeeded, Unknown
from darkroom.domain.failure import COSTLY, Failure, FailureClass
from darkroom.domain.models import AUTO, Model, Retired
from darkroom.domain.pricing import text_tokens_guess
from darkroom.domain.size import size_error
from darkroom.provider import Images, read
from worker.harvest import Harvest
from worker.tools import Tools

_NO_MODEL = frozenset({"model_not_found", "unsupported_model", "no_access"})
ANSWERED = 200
"""The status under which a shortfall is kept: its answer came, and is kept."""


def judge(tools: Tools, provider: str, request: Mapping[str, Any], answer: Answer) -> Outcome:
    """How an attempt ended that got this answer; images that are whole are stored by the time it returns."""
    harvest = Harvest(tools, request, tools.follow_of(provider))
    with tools.judging:
        reading = read(answer, int(request["n"]), links=harvest.follows_links)
        if isinstance(reading, Failure):
            gone = tools.models_of(provider).retired.get(request["model"])
            return _vain(_of_the_model(reading, gone), answer)
        harvest.gather(reading)
    harvest.fetch(reading.links)
    if not harvest.images:
        return _vain(harvest.failure(), answer)
    return Succeeded(
        tuple(harvest.images),
        reading.usage,
        _cost(
            tools.models_of(provider).priced[request["model"]], request, reading, harvest.images[0]
        ),
        reading.request_id,
        answer.latency_ms,
        _shortfall(request, len(harvest.images)),
    )


def _shortfall(request: Mapping[str, Any], came: int) -> Failure | None:
    asked = int(request["n"])
    if came >= asked:
        return None
    message = f"{came} of {asked} images came; they are kept, and only the missing are asked again"
    return Failure(FailureClass.INCOMPLETE, "images_missing", message, ANSWERED)


def _cost(model: Model, request: Mapping[str, Any], reading: Images, drawn: StoredImage) -> Decimal:
    """The bill, or what the formula says of what was drawn where a relay sends none, or one of nothing."""
    usage = reading.usage
    if usage is not None and usage.output_tokens:
        return model.price.cost(usage)
    quality, size = request["quality"], request["size"]
    if quality == AUTO and drawn.quality in model.qualities:
        quality = drawn.quality
    if size == AUTO and size_error(model.sizes, f"{drawn.width}x{drawn.height}") is None:
        size = f"{drawn.width}x{drawn.height}"
    tokens, references = text_tokens_guess(request["prompt"]), len(request.get("images", ()))
    return model.expected(tokens, quality, size, int(request["n"]), references)


def _of_the_model(failure: Failure, gone: Retired | None) -> Failure:
    """The end of a model is no trouble of the key's: what asks for other models goes on."""
    if gone is None or failure.code not in _NO_MODEL:
        return failure
    klass = FailureClass.INVALID_REQUEST
    return replace(failure, klass=klass, code="model_retired", message=f"{gone.name} {gone.words}")


def _vain(failure: Failure, answer: Answer) -> Outcome:
    """An answer without an image: what it cost is nothing, or nobody knows."""
    if failure.klass.reaction in COSTLY or failure.perhaps_billed:
        return Unknown(failure, answer.request_id, answer.latency_ms)
    return Failed(failure, Decimal(0), answer.request_id, answer.latency_ms)
