"""What a call uses and costs: the `usage` of the answer and the USD of the bill."""

from dataclasses import dataclass
from decimal import Decimal

from sandbox.contract import ImageRequest
from sandbox.models import Prices
from sandbox.tokens import reference_tokens, text_tokens

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call."""

    text_in: int
    image_in: int
    image_out: int

    @property
    def total(self) -> int:
        """All tokens, in and out."""
        return self.text_in + self.image_in + self.image_out

    def describe(self) -> dict[str, object]:
        """OpenAI's `usage` object."""
        return {
            "input_tokens": self.text_in + self.image_in,
            "input_tokens_details": {
                "text_tokens": self.text_in,
                "image_tokens": self.image_in,
            },
            "output_tokens": self.image_out,
            "output_tokens_details": {"image_tokens": self.image_out, "text_tokens": 0},
            "total_tokens": self.total,
        }

    def cost(self, prices: Prices) -> Decimal:
        """USD, exact.

        >>> Usage(100, 0, 196).cost(Prices(Decimal(5), Decimal(8), Decimal(30)))
        Decimal('0.00638')
        """
        return (
            self.text_in * prices.text_in
            + self.image_in * prices.image_in
            + self.image_out * prices.image_out
        ) / _MILLION


def measure(request: ImageRequest) -> Usage:
    """The tokens that a request uses when all its images are made."""
    each = request.model.family.output_tokens(request.width, request.height, request.quality)
    return Usage(
        text_in=text_tokens(request.prompt),
        image_in=sum(reference_tokens(*reference.size) for reference in request.references),
        image_out=each * request.n,
    )
