"""What a model accepts, what it costs, when it ends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import ceil

from darkroom.domain.limit import Limits, PerMinute
from darkroom.domain.pricing import MILLION, Price, Usage, text_tokens_bound, tiled_tokens

AUTO = "auto"

FORMATS = ("png", "jpeg", "webp", "gif")
"""What an image can be verified as: in another format each answer would be paid for and unknown."""

MASK_BYTES = 50_000_000

_SIZE = re.compile("([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class SizeRule:
    """Which sizes a model makes; without `multiple` only its presets."""

    presets: tuple[str, ...]
    multiple: int | None = None
    max_edge: int = 0
    max_ratio: int = 0
    min_pixels: int = 0
    max_pixels: int = 0


@dataclass(frozen=True, slots=True)
class Tokens:
    """How many output tokens an image costs: by formula, or by a table over the presets."""

    margin: Decimal
    factors: Mapping[str, int] = field(default_factory=dict)
    scale: Mapping[str, Decimal] = field(default_factory=dict)
    """By how much a quality was seen to exceed the formula."""
    least: Mapping[str, Decimal] = field(default_factory=dict)
    """The least that was seen, where that is another."""
    table: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class References:
    """How many pictures an edit may name, and how many input tokens the model reads in one of them.

    How many depends on the picture, and no formula is published: a call costs `most` for each at most.
    """

    limit: int
    least: int
    usual: int
    most: int
    moderation: bool = True
    """Whether a call with pictures may say `moderation`."""
    mask_bytes: int = MASK_BYTES
    """A mask has fewer."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What calls of one model, quality, size and number of images cost, whatever their prompts; US dollars."""

    drawn: Decimal
    """The likely cost of the images."""
    most: Decimal
    """More than the images can cost."""
    text_in: Decimal
    """The price of one token of the prompt."""
    read: Decimal = Decimal(0)
    """The likely cost of reading the references."""
    read_most: Decimal = Decimal(0)
    """More than reading the references can cost."""
    least: Decimal = Decimal(0)
    """What images and references cost if everything that is open turns out to be the cheapest."""

    def low(self, prompt_tokens: int) -> Decimal:
        """What a call costs for the cheapest reading of anything that is open."""
        return self.least + self.text_in * prompt_tokens

    def high(self, prompt_tokens: int) -> Decimal:
        """What it costs for the dearest, with all that a model without a formula may add to it."""
        return self.most + self.read_most + self.text_in * prompt_tokens

    def expected(self, prompt_tokens: int) -> Decimal:
        """The likely cost of a call."""
        return self.drawn + self.read + self.text_in * prompt_tokens

    def bound(self, prompt: str) -> Decimal:
        """More than a call can cost: what is reserved before it is made."""
        return self.most + self.read_most + self.text_in * text_tokens_bound(prompt)


@dataclass(frozen=True, slots=True)
class Model:
    """One model's facts."""

    name: str
    sizes: SizeRule
    qualities: tuple[str, ...]
    formats: tuple[str, ...]
    backgrounds: tuple[str, ...]
    complexities: tuple[str, ...]
    price: Price
    tokens: Tokens
    references: References
    fidelities: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Parameters that only some providers take, and their values."""
    prompt_limit: int = 32_000
    images_limit: int = 10
    shutdown: date | None = None
    replacement: str | None = None
    family: str = ""
    """With whom it shares the provider's limits a minute; nothing: with nobody."""
    latency: Mapping[str, float] = field(default_factory=dict)
    """Seconds that a call usually takes, by quality."""

    def farewell(self, called: str) -> str | None:
        """What to know of a model, under this name of it, that will be shut down."""
        if self.shutdown is None:
            return None
        return f"{called} will be shut down on {self.shutdown}; use {self.replacement}"

    def output_tokens(self, quality: str, width: int, height: int) -> int:
        """The expected output tokens of one image of this quality and size."""
        return self._tokens(quality, width, height, self.tokens.scale.get(quality, Decimal(1)))

    def fewest_tokens(self, quality: str, width: int, height: int) -> int:
        """The output tokens of one image if it turns out to be as cheap as any that was seen."""
        least = self.tokens.least.get(quality) or self.tokens.scale.get(quality, Decimal(1))
        return self._tokens(quality, width, height, least)

    def _tokens(self, quality: str, width: int, height: int, scale: Decimal) -> int:
        if self.tokens.factors:
            return ceil(tiled_tokens(self.tokens.factors[quality], width, height) * scale)
        return self.tokens.table[quality][self.sizes.presets.index(f"{width}x{height}")]

    def quote(self, quality: str, size: str, images: int, references: int = 0) -> Quote:
        """What a call costs, for the cheapest and the dearest reading of anything `auto`."""
        readings = [
            (q, *parse_size(s))
            for q in (self.qualities if quality == AUTO else (quality,))
            for s in (self.sizes.presets if size == AUTO else (size,))
        ]
        least = Usage(
            image_tokens=self.references.least * references,
            output_tokens=min(self.fewest_tokens(*one) for one in readings) * images,
        )
        most = max(self.output_tokens(*one) for one in readings)
        drawn = self.price.cost(Usage(output_tokens=most * images))
        return Quote(
            drawn,
            drawn * self.tokens.margin,
            self.price.text_in / MILLION,
            self.reading(self.references.usual * references),
            self.reading(self.references.most * references),
            self.price.cost(least),
        )

    def seconds(self, quality: str) -> float:
        """How long a call usually takes; for `auto`, or where nothing is known, as long as the slowest."""
        return self.latency.get(quality) or max(self.latency.values(), default=0.0)

    def reading(self, tokens: int) -> Decimal:
        """The cost of reading so many tokens of references, in US dollars."""
        return self.price.cost(Usage(image_tokens=tokens))

    def expected(
        self, prompt_tokens: int, quality: str, size: str, images: int, references: int = 0
    ) -> Decimal:
        """The likely cost of a call, in US dollars."""
        return self.quote(quality, size, images, references).expected(prompt_tokens)


@dataclass(frozen=True, slots=True)
class Retired:
    """A model that the provider no longer serves."""

    name: str
    shutdown: date
    replacement: str

    @property
    def words(self) -> str:
        """When it ended and what to use instead."""
        return f"was shut down on {self.shutdown}; use {self.replacement}"


@dataclass(frozen=True, slots=True)
class Models:
    """Every model that is known, by each of its names."""

    default: str
    known: Mapping[str, Model]
    retired: Mapping[str, Retired]
    priced: Mapping[str, Model]
    """Every model with a price, the retired too: what was asked before a model's end is billed after it."""

    limits: Limits | None = None
    """What the operator lets through at the provider that draws them; None where nobody set it up."""

    def family(self, name: str) -> str:
        """With which others a model shares the limits a minute: its own name if with none."""
        model = self.priced.get(name)
        return (model.family or model.name) if model else name

    def per_minute(self, family: str) -> PerMinute:
        """What the operator lets through of a family."""
        return self.limits.of(family) if self.limits else PerMinute()

    @property
    def families(self) -> frozenset[str]:
        """Every family that is served."""
        return frozenset(self.family(name) for name in self.known)

    @property
    def qualities(self) -> frozenset[str]:
        """Every quality that some model has."""
        return frozenset(one for model in self.priced.values() for one in model.qualities)

    @property
    def extras(self) -> frozenset[str]:
        """Every parameter that some model takes here and the official API does not know."""
        return frozenset(name for model in self.known.values() for name in model.extra)


def parse_size(size: str) -> tuple[int, int]:
    """Width and height of a `WxH`.

    Raises:
        ValueError: it is not of that form.

    >>> parse_size("1536x1024")
    (1536, 1024)
    """
    found = _SIZE.fullmatch(size)
    if found is None:
        raise ValueError(size)
    return int(found[1]), int(found[2])
