"""What single parameters may be, by the facts of a model, and which of them go together."""

from collections.abc import Iterator, Mapping

from darkroom.domain.limit import PerMinute
from darkroom.domain.models import AUTO, Model
from darkroom.domain.pricing import text_tokens_guess
from darkroom.domain.problem import Problem
from darkroom.domain.reference import Edit
from darkroom.domain.size import size_error
from darkroom.domain.suggestion import hint, nearest_number, nearest_word

_INCOMPRESSIBLE = frozenset({"png", "gif"})
_OPAQUE = frozenset({"jpeg", "gif"})
COMPRESSION_LIMIT = 100
"""The default, and no compression at all."""
_DIGITS = 9
"""No number has more; one of thousands is no number to Python either."""


def choice(
    given: Mapping[str, object], name: str, allowed: tuple[str, ...], model: Model
) -> Iterator[Problem]:
    """A value that is none of those allowed."""
    value = given.get(name)
    if value is None or str(value).strip() in allowed:
        return
    message = (
        f"is not taken by {model.name}; choose {', '.join(allowed)}"
        + hint(nearest_word(str(value), allowed))
        if allowed
        else f"is not a parameter of {model.name}; drop it"
    )
    yield Problem("value_not_allowed", message, column=name, value=str(value))


def whole_number(given: Mapping[str, object], name: str, low: int, high: int) -> Iterator[Problem]:
    """A value that is no whole number between these bounds."""
    value = given.get(name)
    if value is None:
        return
    text = str(value).strip()
    digits = text.isascii() and text.isdigit() and not isinstance(value, bool)
    if not digits or len(text) > _DIGITS or not low <= int(text) <= high:
        message = f"must be a whole number from {low} to {high}"
        message += hint(nearest_number(text, low, high))
        yield Problem("value_not_allowed", message, column=name, value=text)


def size_problems(given: Mapping[str, object], model: Model) -> Iterator[Problem]:
    """A size that the model does not make, with the nearest that it does."""
    size = str(given.get("size", AUTO)).strip()
    error = size_error(model.sizes, size)
    if error:
        yield Problem("size_not_allowed", error, column="size", value=size)


def is_idle_compression(given: Mapping[str, object]) -> bool:
    """Whether a compression is said that a PNG has anyway: the API takes it, and it is left out.

    >>> is_idle_compression({"output_compression": 100}), is_idle_compression({"output_compression": 90})
    (True, False)
    """
    is_png = str(given.get("output_format", "png")).strip() == "png"
    return is_png and str(given.get("output_compression")).strip() == str(COMPRESSION_LIMIT)


def combinations(given: Mapping[str, object]) -> Iterator[Problem]:
    """Parameters that are good each for itself and not together."""
    output_format = str(given.get("output_format", "png")).strip()
    if "output_compression" in given and output_format in _INCOMPRESSIBLE:
        message = (
            f"goes with jpeg and webp only, not with {output_format}; "
            "drop it, or set output_format to jpeg or webp"
        )
        value = str(given["output_compression"])
        yield Problem("combination_not_allowed", message, column="output_compression", value=value)
    if str(given.get("background")).strip() == "transparent" and output_format in _OPAQUE:
        message = f"{output_format} has no transparency; use png or webp, or background opaque"
        yield Problem("combination_not_allowed", message, column="background", value="transparent")


def edit_problems(
    given: Mapping[str, object], edit: Edit | None, model: Model
) -> Iterator[Problem]:
    """Pictures that the model does not take, and what is only said of pictures."""
    if edit and len(edit.images) > model.references.limit:
        taken = model.references.limit
        message = f"{model.name} takes {taken or 'no pictures'}; name {'fewer' if taken else 'another model'}"
        value = f"{len(edit.images)} images"
        yield Problem("too_many_images", message, column=edit.column, value=value)
    if edit and "moderation" in given and not model.references.moderation:
        value = str(given["moderation"])
        message = f"drop it: {model.name} takes none beside pictures"
        yield Problem("parameter_refused", message, column="moderation", value=value)
    if "input_fidelity" not in given:
        return
    if edit and model.fidelities:
        yield from choice(given, "input_fidelity", model.fidelities, model)
        return
    fidelity = f"{model.name} always reads references at high fidelity"
    message = f"drop it: {fidelity if edit else 'there is no reference to be read'}"
    value = str(given["input_fidelity"])
    yield Problem("parameter_refused", message, column="input_fidelity", value=value)


def never_fitting(
    given: Mapping[str, object], edit: Edit | None, limits: PerMinute
) -> Iterator[Problem]:
    """More at once than the provider lets through in a minute: it would wait for ever."""
    number = str(given.get("n", 1)).strip()
    if limits.images and number.isdecimal() and limits.images < int(number[:_DIGITS]):
        message = (
            f"at most {limits.images} images a minute are let through, so this could never be sent; "
            f"ask for {limits.images} at most, or raise images_per_minute"
        )
        yield Problem("limit_too_low", message, column="n", value=number)
    references = len(edit.images) if edit else 0
    if limits.input_images and references > limits.input_images:
        message = (
            f"names {references} pictures, and at most {limits.input_images} a minute are let through, so this "
            "could never be sent; name fewer, or raise input_images_per_minute"
        )
        yield Problem("limit_too_low", message, column="image")


def too_many_tokens(prompt: str, limits: PerMinute) -> Iterator[Problem]:
    """A prompt that alone is more than the provider reads in a minute."""
    if limits.tokens and text_tokens_guess(prompt) > limits.tokens:
        message = (
            f"the prompt has more than the {limits.tokens:,} tokens a minute that are let through, so it could "
            "never be sent; shorten it, or raise tokens_per_minute"
        )
        yield Problem("limit_too_low", message, column="prompt", value=prompt)
