"""What an image costs: exact where the formula is known, bounded always, settled from the bill."""

import re
from dataclasses import dataclass
from decimal import Decimal

MILLION = 1_000_000

_LETTERS = 428
"""Of a hundred tokens, as was billed for real prompts of eleven thousand characters."""

_WIDE = re.compile("[\u2e80-\U0010ffff]")
"""What stands where CJK begins, or behind it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens that an answer says it billed."""

    text_tokens: int = 0
    image_tokens: int = 0
    output_tokens: int = 0
    output_text_tokens: int = 0
    """How many of the output are text, where the answer tells them apart."""

    def as_json(self) -> dict[str, int]:
        """The form in which an attempt keeps it."""
        kept = {
            "text_tokens": self.text_tokens,
            "image_tokens": self.image_tokens,
            "output_tokens": self.output_tokens,
        }
        text = self.output_text_tokens
        return kept | {"output_text_tokens": text} if text else kept


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of each kind."""

    text_in: Decimal
    image_in: Decimal
    output: Decimal
    text_out: Decimal | None = None
    """Of text that comes with the images; without one it costs what images do."""

    def cost(self, usage: Usage) -> Decimal:
        """The bill for this usage, unrounded.

        >>> gpt_image_2 = Price(text_in=Decimal(5), image_in=Decimal(8), output=Decimal(30))
        >>> gpt_image_2.cost(Usage(text_tokens=10, output_tokens=196))
        Decimal('0.00593')
        """
        return (
            self.text_in * usage.text_tokens
            + self.image_in * usage.image_tokens
            + self.output * (usage.output_tokens - usage.output_text_tokens)
            + (self.output if self.text_out is None else self.text_out) * usage.output_text_tokens
        ) / MILLION


def tiled_tokens(factor: int, width: int, height: int) -> int:
    """The output tokens of one image, for the models that follow the tile formula.

    `factor` is the quality's: 16, 48 and 96 for gpt-image-2's low, medium and high. The formula is not
    published; it gives all of the published and observed values of gpt-image-2 and 2.5.

    >>> tiled_tokens(16, 1024, 1024), tiled_tokens(48, 1024, 1024), tiled_tokens(96, 1024, 1024)
    (196, 1756, 7024)
    >>> tiled_tokens(96, 3840, 2160), tiled_tokens(16, 1536, 1024)
    (13342, 158)
    """
    short, long = min(width, height), max(width, height)
    side = (2 * factor * short + long) // (2 * long)
    return -(-factor * side * (2_000_000 + width * height) // 4_000_000)


def text_tokens_bound(prompt: str) -> int:
    """More tokens than any tokenizer of bytes makes of the prompt: one a byte, and a frame around it.

    >>> text_tokens_bound("a cat"), text_tokens_bound("猫")
    (37, 35)
    """
    return len(prompt.encode("utf-8", "surrogatepass")) + 32


def text_tokens_guess(prompt: str) -> int:
    """About as many tokens as the prompt will be billed: 4.28 Latin characters, or one of CJK, a token.

    >>> text_tokens_guess("a red apple on a table"), text_tokens_guess("红苹果")
    (6, 3)
    """
    wide = 0 if prompt.isascii() else len(_WIDE.findall(prompt))
    return wide + -(-(len(prompt) - wide) * 100 // _LETTERS)
