"""The model facts as they are written down: `models.toml`, with an operator's changes laid over it, checked."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from darkroom.domain.misfit import fix_in
from darkroom.domain.models import (
    FORMATS,
    MASK_BYTES,
    Model,
    Models,
    References,
    Retired,
    SizeRule,
    Tokens,
)
from darkroom.domain.pricing import Price
from darkroom.domain.problem import clipped

OFFICIAL = "official"
"""The profile of a provider that does exactly what the models' own tables say."""

DEAREST = 1_000
"""US dollars for a million tokens; the dearest that was ever asked for is a thirtieth of it."""

Words = tuple[str, ...]
Count = Annotated[int, Field(gt=0)]
Amount = Annotated[Decimal, Field(ge=0)]


class FactsInvalid(ValueError):  # noqa: N818 - named for what it is, as the domain speaks
    """A table of model facts cannot be used; the message names table, key, value and fix."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of provider differs from the official API."""

    name: str
    models: Models
    least_timeout: float
    """Seconds that a call must be given here, however quick the model."""
    answers_url: bool
    """It may answer with where an image lies instead of the image."""
    cuts: Mapping[str, str]
    """Hosts of its kind that cut a call before it is done, with the one to use instead."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Sizes(_Table):
    presets: Annotated[Words, Field(min_length=1)]
    multiple: Count | None = None
    max_edge: int = 0
    max_ratio: int = 0
    min_pixels: int = 0
    max_pixels: int = 0


def _credible(value: object) -> object:
    """A price that is none, or one of a million images, would let budgets hold back nothing, or everything."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return value
    if not number.is_finite() or not 0 <= number <= DEAREST:
        raise ValueError(
            f"it is no price of a million tokens; write US dollars from 0 to {DEAREST:,}, such as 30"
        )
    return value


Dollars = Annotated[Decimal, BeforeValidator(_credible)]


class _Price(_Table):
    text_in: Dollars
    image_in: Dollars
    output: Dollars
    text_out: Dollars | None = None


class _Tokens(_Table):
    margin: Annotated[Decimal, Field(ge=1)]
    factors: dict[str, Count] = {}
    scale: dict[str, Amount] = {}
    least: dict[str, Amount] = {}
    table: dict[str, tuple[Count, ...]] = {}


class _References(_Table):
    limit: Annotated[int, Field(ge=0)]
    least: Count
    usual: Count
    most: Count
    moderation: bool = True
    mask_bytes: Count = MASK_BYTES


class _Model(_Table):
    """A model that is called, or was and may still be billed."""

    snapshots: Words = ()
    sizes: str
    qualities: Annotated[Words, Field(min_length=1)]
    formats: Annotated[Words, Field(min_length=1)]
    backgrounds: Words
    complexities: Words = ()
    extra: dict[str, Words] = {}
    price: _Price
    tokens: _Tokens
    references: _References
    fidelities: Words = ()
    prompt_limit: Count = 32_000
    images_limit: Count = 10
    shutdown: date | None = None
    replacement: str | None = None
    family: str = ""
    latency: dict[str, Annotated[float, Field(gt=0)]]

    @model_validator(mode="after")
    def _bounded(self) -> "_Model":
        """What has no bound is not called, what is not verified not published: said here, not in the night."""
        counted = self.tokens.factors or self.tokens.table
        missing = [quality for quality in self.qualities if quality not in counted]
        if missing:
            words = ", ".join(missing)
            raise ValueError(f"tokens say nothing of {words}; add them to factors or table")
        strange = ", ".join(sorted({*self.formats} - {*FORMATS}))
        if strange:
            raise ValueError(
                f"formats has {strange}, which cannot be verified when it comes: each answer would be paid for "
                f"and unknown; write {', '.join(FORMATS)}"
            )
        if (self.shutdown is None) != (self.replacement is None):
            raise ValueError("shutdown and replacement go together; give both or neither")
        return self


class _Gone(_Table):
    """A model of which only its end is known."""

    snapshots: Words = ()
    shutdown: date
    replacement: str


class _Profile(_Table):
    least_timeout: Annotated[float, Field(ge=0, le=3600)] = 0
    answers_url: bool = False
    cuts: dict[str, str] = {}
    models: dict[str, dict[str, Any]] = {}


def packaged_toml() -> str:
    """The text of the `models.toml` that comes with this version."""
    return files("darkroom.domain").joinpath("models.toml").read_text("utf-8")


def parse_models(text: str, today: date) -> Models:
    """The models in a `models.toml`; those whose last day is over are retired.

    >>> sorted(parse_models(packaged_toml(), date(2026, 11, 22)).retired)
    ['dall-e-2', 'dall-e-3', 'gpt-image-1']
    """
    return read_profiles(text, today)[OFFICIAL].models


def read_profiles(
    text: str, today: date, changes: Mapping[str, Any] | None = None
) -> dict[str, Profile]:
    """Every profile of a `models.toml` with the facts it goes by, after an operator's changes.

    `changes` has tables `models` and `profiles` like the file's own: a model's keys replace those of its table,
    a new name adds one; what a profile says of a model replaces what the model's table says.

    Raises:
        FactsInvalid: one of the tables cannot be used.

    >>> changes = {"models": {"gpt-image-2": {"price": 1}}}
    >>> read_profiles(packaged_toml(), date(2026, 11, 22), changes)
    Traceback (most recent call last):
    darkroom.domain.facts.FactsInvalid: table [models."gpt-image-2"], key price, value 1: it must be a table
    """
    facts = _laid_over(tomllib.loads(text), changes or {})
    profiles = {}
    for name, entry in facts["profiles"].items():
        table = _checked(_Profile, f"profiles.{_quoted(name)}", entry)
        models = _laid_over(facts["models"], table.models)
        where = "models" if name == OFFICIAL else f"profiles.{_quoted(name)}.models"
        known = _models({**facts, "models": models}, today, {*table.models}, where)
        profiles[name] = Profile(name, known, table.least_timeout, table.answers_url, table.cuts)
    return profiles


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged key by key; what is no table is replaced.

    >>> _laid_over({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": 4})
    {'a': {'x': 1, 'y': 3}, 'b': 4}
    """
    merged = dict(below)
    for name, value in above.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _laid_over(known, value)
        else:
            merged[name] = value
    return merged


def _models(facts: Mapping[str, Any], today: date, changed: set[str], where: str) -> Models:
    classes = {
        name: _checked(_Sizes, f"classes.{name}", one) for name, one in facts["classes"].items()
    }
    known: dict[str, Model] = {}
    retired: dict[str, Retired] = {}
    priced: dict[str, Model] = {}
    for name, entry in facts["models"].items():
        table = f"{where if name in changed else 'models'}.{_quoted(name)}"
        if "shutdown" in entry and "price" not in entry:
            one = _checked(_Gone, table, entry)
        else:
            one = _checked(_Model, table, _laid_over(facts["every"], entry))
        names = (name, *one.snapshots)
        if isinstance(one, _Model):
            priced |= dict.fromkeys(names, _model(name, one, classes, table))
        if one.shutdown and one.replacement and one.shutdown <= today:
            retired |= {each: Retired(each, one.shutdown, one.replacement) for each in names}
        else:
            known |= {each: priced[each] for each in names if each in priced}
    return Models(facts["default"], known, retired, priced)


def _model(name: str, table: _Model, classes: Mapping[str, _Sizes], where: str) -> Model:
    if table.sizes not in classes:
        known = " or ".join(sorted(classes))
        raise _invalid(where, "sizes", table.sizes, f"there is no such class; write {known}")
    sizes = classes[table.sizes]
    for quality, row in table.tokens.table.items():
        if len(row) != len(sizes.presets):
            fix = f"give {len(sizes.presets)} numbers, one for each of {', '.join(sizes.presets)}"
            raise _invalid(where, f"tokens.table.{quality}", row, fix)
    return Model(
        name=name,
        sizes=SizeRule(**sizes.model_dump()),
        qualities=table.qualities,
        formats=table.formats,
        backgrounds=table.backgrounds,
        complexities=table.complexities,
        extra=table.extra,
        price=Price(**table.price.model_dump()),
        tokens=Tokens(**table.tokens.model_dump()),
        references=References(**table.references.model_dump()),
        fidelities=table.fidelities,
        prompt_limit=table.prompt_limit,
        images_limit=table.images_limit,
        shutdown=table.shutdown,
        replacement=table.replacement,
        family=table.family,
        latency=table.latency,
    )


def _checked(kind: type[Any], table: str, entry: object) -> Any:
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"])
        raise _invalid(table, key, first["input"], fix_in(kind, first)) from None


def _invalid(table: str, key: str, value: object, fix: str) -> FactsInvalid:
    if not key:
        return FactsInvalid(f"table [{table}]: {fix}")
    return FactsInvalid(f"table [{table}], key {key}, value {clipped(value)}: {fix}")


def _quoted(name: str) -> str:
    """A name as it stands in the head of a TOML table.

    >>> _quoted("relay"), _quoted("gpt-image-2.5")
    ('relay', '"gpt-image-2.5"')
    """
    return name if name.replace("_", "").isalnum() else f'"{name}"'
