"""What a well-formed image request is, and OpenAI's words for each way of missing it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.errors import ApiError, image_user_error
from sandbox.form import Form, refuse_longer
from sandbox.models import Model, find
from sandbox.references import Reference
from sandbox.sizes import read_size

MAX_PROMPT = 32_000
_MAX_IMAGES = 10
_MAX_COMPRESSION = 100
_MAX_IDENTIFIER = 64
_COMMON = frozenset(
    {
        *("prompt", "model", "n", "size", "quality", "background", "moderation"),
        *("output_format", "output_compression", "user", "safety_identifier", "complexity"),
        *("stream", "partial_images", "frame_count", "frame_duration_ms", "svg"),
    },
)
_FORMATS = ("png", "webp", "jpeg")
_BACKGROUNDS = ("transparent", "opaque", "auto")
_AUTOMATIC_QUALITY = "medium"
# What the specification names when a caller names none; the first is shut down.
_DEFAULT_MODEL = {False: "dall-e-2", True: "gpt-image-1.5"}


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A valid request, with every default and `auto` resolved."""

    prompt: str
    model: Model
    n: int
    width: int
    height: int
    quality: str
    transparent: bool
    output_format: str
    compression: int
    safety_identifier: str | None
    references: tuple[Reference, ...] = ()

    @property
    def size(self) -> str:
        """The size as the API writes it, `WIDTHxHEIGHT`."""
        return f"{self.width}x{self.height}"


def read_request(
    fields: Mapping[str, Any],
    references: tuple[Reference, ...] = (),
    *,
    edit: bool = False,
    transparent_preview: bool = False,
) -> ImageRequest:
    """The request that these fields mean.

    Raises:
        ApiError: 400 or 404, naming the first parameter that is wrong.
    """
    form = Form(fields)
    form.refuse_unknown(_COMMON | {"input_fidelity"} if edit else _COMMON)
    prompt = _prompt(form)
    model = find(form.text("model", _DEFAULT_MODEL[edit]))
    _refuse_previews(form, model)
    output_format = form.word("output_format", _FORMATS, "png")
    width, height = read_size(form.text("size", "auto"), custom=model.family.custom_sizes)
    quality = form.word("quality", (*model.family.qualities, "auto"), "auto")
    return ImageRequest(
        prompt=prompt,
        model=model,
        n=form.number("n", 1, _MAX_IMAGES, default=1),
        width=width,
        height=height,
        quality=_AUTOMATIC_QUALITY if quality == "auto" else quality,
        transparent=_transparent(form, model, output_format, preview=transparent_preview),
        output_format=output_format,
        compression=_compression(form, output_format),
        safety_identifier=_identifier(form),
        references=references,
    )


def _prompt(form: Form) -> str:
    if not form.has("prompt"):
        raise ApiError(
            400,
            "Missing required parameter: 'prompt'.",
            param="prompt",
            code="missing_required_parameter",
        )
    prompt = form.text("prompt")
    if not prompt:
        raise ApiError(
            400,
            "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an "
            "empty string instead.",
            param="prompt",
            code="empty_string",
        )
    refuse_longer("prompt", prompt, MAX_PROMPT)
    return prompt


def _identifier(form: Form) -> str | None:
    identifier = form.text("safety_identifier") or form.text("user")
    refuse_longer("safety_identifier", identifier, _MAX_IDENTIFIER)
    return identifier or None


def _transparent(form: Form, model: Model, output_format: str, *, preview: bool) -> bool:
    if form.word("background", _BACKGROUNDS, "auto") != "transparent":
        return False
    if output_format == "jpeg":
        raise image_user_error(
            "Transparent background requires output_format 'png' or 'webp'.",
            "background",
        )
    if not (model.family.transparent or preview):
        raise image_user_error(
            "Transparent background is not supported for this model.",
            "background",
        )
    return True


def _compression(form: Form, output_format: str) -> int:
    compression = form.number("output_compression", 0, _MAX_COMPRESSION, default=_MAX_COMPRESSION)
    if output_format == "png" and compression != _MAX_COMPRESSION:
        raise image_user_error(
            "Compression less than 100 is not supported for PNG output format.",
            "output_compression",
        )
    return compression


def _refuse_previews(form: Form, model: Model) -> None:
    """Refuse what this account has no access to, and what the model does not know."""
    form.word("moderation", ("low", "auto"), "auto")
    if form.has("complexity") and not model.family.complexity:
        raise image_user_error("complexity is not supported for this model.", "complexity")
    form.word("complexity", ("low", "medium", "high"), "medium")
    if form.has("input_fidelity") and not model.family.fidelities:
        raise image_user_error(
            "input_fidelity is not supported for this model.",
            "input_fidelity",
            "invalid_input_fidelity_model",
        )
    if form.has("input_fidelity"):
        form.word("input_fidelity", model.family.fidelities, "low")
    if form.fields.get("stream"):
        raise image_user_error("Streaming is not enabled for this account.", "stream")
    for name in ("partial_images", "frame_count", "frame_duration_ms", "svg"):
        if form.has(name):
            raise image_user_error(f"{name} is not enabled for this account.", name)
