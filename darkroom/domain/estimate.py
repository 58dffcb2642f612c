"""What many requests will cost, weigh and last, before any of them is sent."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from darkroom.domain.limit import Dimension, Limits, PerMinute
from darkroom.domain.models import AUTO, parse_size
from darkroom.domain.pricing import text_tokens_guess
from darkroom.domain.request import ImageRequest, Priced

DAYS = 30
"""A month of nights."""

_DENSEST = 1.8

BYTES_PER_PIXEL = {"png": _DENSEST, "jpeg": 0.7, "webp": 0.5}
"""Rough: a 1024x1024 PNG of a photograph takes 1.5 to 2.2 MB. What is not here is taken for as large."""

_USUAL_PIXELS = 1536 * 1024


@dataclass(slots=True)
class Work:
    """What a family of models is asked for."""

    requests: int = 0
    images: int = 0
    tokens: int = 0
    input_images: int = 0

    def seconds(self, limits: PerMinute) -> float:
        """How long these limits make it last at least."""
        amounts = ((getattr(self, one), limits.of(one)) for one in Dimension)
        return max((amount / limit * 60 for amount, limit in amounts if limit), default=0.0)


@dataclass(frozen=True, slots=True)
class Costing:
    """What one request will cost, in US dollars: between `low` and `high`, and less than `bound` in any case.

    The two are the same where nothing is left open; only the tokens of the prompt are a guess.
    """

    low: Decimal
    high: Decimal
    bound: Decimal


def price_of(priced: Priced) -> Costing:
    """The price of one request."""
    tokens, quote = text_tokens_guess(priced.prompt), priced.terms.quote
    return Costing(quote.low(tokens), quote.high(tokens), quote.bound(priced.prompt))


@dataclass(slots=True)
class Estimate:
    """The sum of what was added to it; money is in US dollars.

    `low` and `high` differ where an `auto`, a reference or a model without a formula leaves the price open.
    `expected` is that of the dearest reading, `bound` what is reserved: more than all of it can cost.
    """

    images: int = 0
    bytes: int = 0
    busy: float = 0.0
    """Seconds that all calls usually take, one after the other."""
    slowest: float = 0.0
    """Seconds that the slowest of them usually takes."""
    work: defaultdict[str, Work] = field(default_factory=lambda: defaultdict(Work))
    """By family of models."""
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    expected: Decimal = Decimal(0)
    bound: Decimal = Decimal(0)

    def add(self, priced: Priced) -> None:
        """Counts one request."""
        terms, asked, price = priced.terms, priced.terms.asked, price_of(priced)
        work = self.work[terms.family]
        work.requests += 1
        work.images += asked.n
        work.tokens += text_tokens_guess(priced.prompt)
        work.input_images += len(priced.edit.images) if priced.edit else 0
        self.busy += terms.seconds
        self.slowest = max(self.slowest, terms.seconds)
        self.images += asked.n
        self.bytes += asked.n * _bytes_of(asked)
        self.low += price.low
        self.high += price.high
        self.expected += priced.expected
        self.bound += price.bound

    def seconds(self, limits: Limits | None) -> float | None:
        """How long it will last: as long as the limits make it or the calls in flight, whichever is longer.

        None where the provider is none that was set up.

        >>> estimate = Estimate(busy=6_000, slowest=80)
        >>> estimate.work["gpt-image"] = Work(requests=60, images=120)
        >>> estimate.seconds(Limits(30, PerMinute(requests=30, images=20)))
        360.0
        >>> estimate.seconds(Limits(10, PerMinute(images=20)))
        600.0
        """
        if limits is None:
            return None
        by_limits = (work.seconds(limits.of(family)) for family, work in self.work.items())
        return max(self.busy / limits.in_flight, self.slowest, *by_limits)

    def monthly(self) -> tuple[Decimal, Decimal]:
        """What it costs a month if it is run every day, from and to."""
        return self.low * DAYS, self.high * DAYS


def _bytes_of(request: ImageRequest) -> int:
    pixels = _USUAL_PIXELS
    if request.size != AUTO:
        width, height = parse_size(request.size)
        pixels = width * height
    return int(pixels * BYTES_PER_PIXEL.get(request.output_format, _DENSEST))
