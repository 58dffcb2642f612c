"""What many requests will cost, weigh and last, before any of them is sent."""

from dataclasses import dataclass
from decimal import Decimal

from darkroom.domain.models import AUTO, parse_size
from darkroom.domain.pricing import text_tokens_guess
from darkroom.domain.request import ImageRequest, Priced

DAYS = 30
"""A month of nights."""

BYTES_PER_PIXEL = {"png": 1.8, "jpeg": 0.7, "webp": 0.5}
"""Rough: a 1024x1024 PNG of a photograph takes 1.5 to 2.2 MB."""

_USUAL_PIXELS = 1536 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """What the configured limits let through in a minute; None is no limit."""

    requests: int | None = None
    images: int | None = None
    tokens: int | None = None


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

    calls: int = 0
    images: int = 0
    tokens: int = 0
    bytes: int = 0
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    expected: Decimal = Decimal(0)
    bound: Decimal = Decimal(0)

    def add(self, priced: Priced) -> None:
        """Counts one request."""
        asked, price = priced.terms.asked, price_of(priced)
        self.calls += 1
        self.images += asked.n
        self.tokens += text_tokens_guess(priced.prompt)
        self.bytes += asked.n * _bytes_of(asked)
        self.low += price.low
        self.high += price.high
        self.expected += priced.expected
        self.bound += price.bound

    def seconds(self, pace: Pace) -> float | None:
        """How long the limits make it last at least; None where there are none.

        >>> Estimate(calls=60, images=120).seconds(Pace(requests=30, images=20))
        360.0
        """
        pairs = (
            (self.calls, pace.requests),
            (self.images, pace.images),
            (self.tokens, pace.tokens),
        )
        minutes = [amount / limit for amount, limit in pairs if limit]
        return max(minutes) * 60 if minutes else None

    def monthly(self) -> tuple[Decimal, Decimal]:
        """What it costs a month if it is run every day, from and to."""
        return self.low * DAYS, self.high * DAYS


def _bytes_of(request: ImageRequest) -> int:
    pixels = _USUAL_PIXELS
    if request.size != AUTO:
        width, height = parse_size(request.size)
        pixels = width * height
    return int(pixels * BYTES_PER_PIXEL[request.output_format])
