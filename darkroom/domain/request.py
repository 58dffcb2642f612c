"""The image request: what a row asks for, checked against the model's facts before anything is spent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any

import orjson

from darkroom.domain.models import AUTO, MASK_BYTES, Model, Models, Quote
from darkroom.domain.parameter import (
    COMPRESSION_LIMIT,
    choice,
    combinations,
    edit_problems,
    is_idle_compression,
    never_fitting,
    size_problems,
    too_many_tokens,
    whole_number,
)
from darkroom.domain.pricing import text_tokens_guess
from darkroom.domain.problem import Problem
from darkroom.domain.reference import COLUMNS, Edit, read_edit
from darkroom.domain.suggestion import hint, nearest_model

EXTENSION_OF = {"png": "png", "jpeg": "jpg", "webp": "webp"}
_MODERATIONS = ("auto", "low")
_IDENTIFIER_LIMIT = 64
_PROMPT_LIMIT = 32_000
_NUMBERS = frozenset({"n", "output_compression"})
_SURROGATE = re.compile("[\ud800-\udfff]")
_TERMS_KEPT = 256
_OF_EDITS = frozenset(COLUMNS)
_UNREADABLE = Edit(())
"""Stands for an edit whose references cannot be read, while the rest of its row is checked."""


class Endpoint(StrEnum):
    """Where a request goes."""

    GENERATIONS = "/v1/images/generations"
    EDITS = "/v1/images/edits"


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One validated request, with every parameter that decides the price said out loud."""

    prompt: str
    model: str
    n: int = 1
    size: str = AUTO
    quality: str = AUTO
    output_format: str = "png"
    output_compression: int | None = None
    background: str | None = None
    moderation: str | None = None
    complexity: str | None = None
    safety_identifier: str | None = None
    input_fidelity: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    """What only some providers take."""
    edit: Edit | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where it goes: what has pictures to work on is an edit."""
        return Endpoint.GENERATIONS if self.edit is None else Endpoint.EDITS

    def body(self) -> dict[str, object]:
        """What the provider is sent, absent parameters left out; of an edit, its references beside them.

        >>> ImageRequest("a cat", "gpt-image-2").body()["quality"]
        'auto'
        """
        given = zip(PARAMETERS, _VALUES(self), strict=True)
        body = {name: value for name, value in given if value is not None} | dict(self.extra)
        return body if self.edit is None else body | self.edit.body()


PARAMETERS = (
    "prompt",
    "model",
    "n",
    "size",
    "quality",
    "output_format",
    "output_compression",
    "background",
    "moderation",
    "complexity",
    "safety_identifier",
    "input_fidelity",
)
"""Every parameter that is text or a number, by the name the API gives it."""

_VALUES = attrgetter(*PARAMETERS)

ALIASES = {
    "format": "output_format",
    "compression": "output_compression",
    "user": "safety_identifier",
}
"""Other names under which people write them."""

PARAMETER_OF = {
    **{name: name for name in (*PARAMETERS, *COLUMNS) if name != "prompt"},
    **ALIASES,
}
"""The parameter beside the prompt that a name of either kind means."""

REFUSED = {
    "response_format": "drop it: these models always answer with the image itself",
    "style": "drop it: it belonged to dall-e-3",
    "stream": "drop it: a batch has nobody to stream to",
    "partial_images": "drop it: a batch has nobody to show them to",
    "thinking": "drop it: the API has no such parameter (gpt-image-2.6 has `complexity`)",
    "frame_count": "drop it: moving pictures are not asked for here",
    "frame_duration_ms": "drop it: moving pictures are not asked for here",
    "svg": "drop it: drawings in SVG are not asked for here",
    "markup": "drop it: use `mask` or `mask_box` to say what is to be redrawn",
    "seed": "drop it: the API has no seeds",
}
"""Parameters that a guide may name and that the API refuses or we do not send, with what to do instead."""

IDLE = {"stream": ("false", "0"), "partial_images": ("0",)}
"""Values of theirs that ask for nothing; they are left out."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What requests say, cost and last beside their prompts, worked out once for all that share it."""

    asked: ImageRequest
    """Its prompt is empty."""
    quote: Quote
    rest: bytes
    """The JSON of its body, the prompt left out."""
    prompt_limit: int = _PROMPT_LIMIT
    family: str = ""
    """With which other models it shares the provider's limits."""
    seconds: float = 0.0
    """How long a call usually takes."""
    notice: str | None = None
    """What to know of its model."""
    mask_bytes: int = MASK_BYTES

    @classmethod
    def of(
        cls, asked: ImageRequest, quote: Quote, model: Model | None = None, family: str = ""
    ) -> "Terms":
        """The terms of a request without a prompt."""
        others = {name: value for name, value in asked.body().items() if name != "prompt"}
        rest = orjson.dumps(others)
        if model is None:
            return cls(asked, quote, rest)
        seconds, notice = model.seconds(asked.quality), model.farewell(asked.model)
        mask = model.references.mask_bytes
        return cls(asked, quote, rest, model.prompt_limit, family, seconds, notice, mask)


@dataclass(frozen=True, slots=True)
class Priced:
    """A request with what it will likely cost and what it can cost at most, in US dollars."""

    prompt: str
    terms: Terms
    edit: Edit | None = None

    @property
    def request(self) -> ImageRequest:
        """The request itself."""
        return replace(self.terms.asked, prompt=self.prompt, edit=self.edit)

    @property
    def expected(self) -> Decimal:
        """The likely cost."""
        return self.terms.quote.expected(text_tokens_guess(self.prompt))

    @property
    def bound(self) -> Decimal:
        """More than it can cost."""
        return self.terms.quote.bound(self.prompt)

    def body_json(self) -> bytes:
        """The JSON of the request's body.

        >>> free = Quote(Decimal(0), Decimal(0), Decimal(0))
        >>> Priced("a cat", Terms.of(ImageRequest("", "gpt-image-2"), free)).body_json()[:40]
        b'{"prompt":"a cat","model":"gpt-image-2",'
        """
        pictures = orjson.dumps(self.edit.body())[1:-1] + b"," if self.edit else b""
        return b'{"prompt":%b,%b%b' % (orjson.dumps(self.prompt), pictures, self.terms.rest[1:])


def resolve(parameters: Mapping[str, object], models: Models) -> Priced | tuple[Problem, ...]:
    """The request that these parameters make, or everything that is wrong with them.

    Values may be text, as a sheet has them, or JSON's own; None and blank text mean: not given.

    >>> from datetime import date
    >>> from darkroom.domain.facts import packaged_toml, parse_models
    >>> models = parse_models(packaged_toml(), date(2026, 11, 22))
    >>> resolve({"prompt": "a cat", "quality": "low", "size": "1024x1024"}, models).expected
    Decimal('0.005890')
    >>> print(resolve({"prompt": "a cat", "size": "1080x1920"}, models)[0])
    column size, value '1080x1920': both edges must be divisible by 16; the nearest is 1088x1920
    """
    others = {name: value for name, value in parameters.items() if name != "prompt"}
    return Resolver(models).resolve(parameters.get("prompt"), others)


class Resolver:
    """Resolves row after row; rows that differ in their prompt alone are checked and priced once."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._known: dict[str, Terms] = {}

    def resolve(
        self, prompt: object, parameters: Mapping[str, object]
    ) -> Priced | tuple[Problem, ...]:
        """The request that a prompt and its other parameters make, or everything that is wrong with them."""
        if _OF_EDITS.isdisjoint(parameters):
            return self._priced(prompt, parameters, None)
        cells = {name: parameters[name] for name in COLUMNS if not blank(parameters.get(name))}
        others = {name: value for name, value in parameters.items() if name not in _OF_EDITS}
        edit = read_edit(cells)
        if not isinstance(edit, tuple):
            return self._priced(prompt, others, edit)
        priced = self._priced(prompt, others, _UNREADABLE)
        return edit if isinstance(priced, Priced) else (*priced, *edit)

    def _priced(
        self, prompt: object, parameters: Mapping[str, object], edit: Edit | None
    ) -> Priced | tuple[Problem, ...]:
        terms = self._terms(parameters, edit)
        if not isinstance(terms, Terms):
            return (*_prompt_problems(prompt, _PROMPT_LIMIT), *terms)
        problems = _prompt_problems(prompt, terms.prompt_limit)
        problems = problems or (
            *too_many_tokens(str(prompt), self._models.per_minute(terms.family)),
        )
        if edit:
            edit = replace(edit, mask_bytes=terms.mask_bytes)
        return problems or Priced(str(prompt).strip(), terms, edit)

    def _terms(
        self, parameters: Mapping[str, object], edit: Edit | None
    ) -> Terms | tuple[Problem, ...]:
        """Good terms are remembered, so many that a file of ever new ones cannot fill the memory."""
        # True, 1 and "1" are equal or alike, and not the same.
        key = f"{len(edit.images) if edit else None} {parameters!r}"
        if known := self._known.get(key):
            return known
        terms = _terms_of(parameters, edit, self._models)
        if isinstance(terms, Terms):
            if len(self._known) == _TERMS_KEPT:
                self._known.clear()
            self._known[key] = terms
        return terms


def _terms_of(
    parameters: Mapping[str, object], edit: Edit | None, models: Models
) -> Terms | tuple[Problem, ...]:
    given = {name: value for name, value in parameters.items() if not blank(value)}
    if is_idle_compression(given):
        del given["output_compression"]
    name = str(given.get("model", models.default)).strip()
    known = models.known.get(name)
    model = known or _stand_in(name, models)
    problems = tuple(_flaws(given, edit, model, models))
    if known is None:
        return (_unknown_model(name, models), *problems)
    return problems or _terms(
        {**given, "model": name}, model, models, len(edit.images) if edit else 0
    )


def _stand_in(name: str, models: Models) -> Model:
    """By whose facts a row is looked at whose model is gone or unknown: all its problems are told at once."""
    retired = models.retired.get(name)
    meant = retired.replacement if retired else nearest_model(name, sorted(models.known))
    return models.known.get(meant or models.default) or models.known[models.default]


def _flaws(
    given: Mapping[str, object], edit: Edit | None, model: Model, models: Models
) -> Iterator[Problem]:
    yield from _problems(given, model)
    for name in given:
        if name in models.extras and name not in model.extra:
            yield from choice(given, name, (), model)
    yield from edit_problems(given, edit, model)
    yield from never_fitting(given, edit, models.per_minute(models.family(model.name)))


def blank(value: object) -> bool:
    """Whether a cell says nothing.

    >>> blank(None), blank("  "), blank(0), blank("x")
    (True, True, False, False)
    """
    return value is None or (isinstance(value, str) and not value.strip())


def _unknown_model(name: str, models: Models) -> Problem:
    retired = models.retired.get(name)
    if retired:
        return Problem("model_retired", retired.words, column="model", value=name)
    names = sorted(models.known)
    message = f"is not a model we know; choose one of {', '.join(names)}"
    message += hint(nearest_model(name, names))
    return Problem("model_unknown", message, column="model", value=name)


def _terms(given: Mapping[str, object], model: Model, models: Models, references: int) -> Terms:
    parameters = {one: _read(one, given[one]) for one in PARAMETERS if one in given}
    extra = {one: str(given[one]).strip() for one in model.extra if one in given}
    asked = ImageRequest("", **{**parameters, "model": given["model"]}, extra=extra)
    quote = model.quote(asked.quality, asked.size, asked.n, references)
    return Terms.of(asked, quote, model, models.family(model.name))


def _read(name: str, value: object) -> Any:
    return int(str(value)) if name in _NUMBERS else str(value).strip()


def _problems(given: Mapping[str, object], model: Model) -> Iterator[Problem]:
    yield from choice(given, "quality", (*model.qualities, AUTO), model)
    yield from choice(given, "output_format", model.formats, model)
    yield from choice(given, "background", model.backgrounds, model)
    yield from choice(given, "complexity", model.complexities, model)
    yield from choice(given, "moderation", _MODERATIONS, model)
    for name, choices in model.extra.items():
        yield from choice(given, name, choices, model)
    yield from whole_number(given, "n", 1, model.images_limit)
    yield from whole_number(given, "output_compression", 0, COMPRESSION_LIMIT)
    yield from size_problems(given, model)
    yield from combinations(given)
    identifier = str(given.get("safety_identifier", ""))
    if len(identifier) > _IDENTIFIER_LIMIT:
        message = f"is longer than {_IDENTIFIER_LIMIT} characters; shorten or hash it"
        yield Problem("value_too_long", message, column="safety_identifier", value=identifier)
    elif unstorable(identifier):
        message = "has a NUL or half a surrogate pair in it; remove it"
        yield Problem(
            "value_not_text", message, column="safety_identifier", value=ascii(identifier)
        )


def _prompt_problems(prompt: object, limit: int) -> tuple[Problem, ...]:
    if blank(prompt):
        code, message, value = "prompt_missing", "there is no prompt; write one", ""
    elif not isinstance(prompt, str):
        code, value = "prompt_not_text", str(prompt)
        message = "the prompt must be text; put it in quotes"
    elif (length := len(prompt.strip())) > limit:
        code, value = "prompt_too_long", prompt
        message = f"the prompt has {length:,} characters; the API takes {limit:,}: shorten it"
    elif unstorable(prompt):
        code, value = "prompt_not_text", ascii(prompt[:40])
        message = "the prompt has a NUL or half a surrogate pair in it; remove it"
    else:
        return ()
    return (Problem(code, message, column="prompt", value=value),)


def unstorable(text: str) -> bool:
    """Whether a text holds what neither Postgres nor UTF-8 can.

    >>> unstorable("fine"), unstorable("nul" + chr(0)), unstorable(chr(0xD800))
    (False, True, True)
    """
    return "\0" in text or not (text.isascii() or _SURROGATE.search(text) is None)
