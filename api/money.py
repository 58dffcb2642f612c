"""How amounts are written: exact decimals of a dollar, as text, so that no reader rounds them."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer

FRACTION_DIGITS = 9
"""What the record keeps."""


def plain(amount: Decimal) -> str:
    """An amount without exponent and without zeros that say nothing.

    >>> plain(Decimal("0.005930000")), plain(Decimal("1E+2")), plain(Decimal("0E-9"))
    ('0.00593', '100', '0')
    """
    return f"{amount.normalize():f}"


Money = Annotated[Decimal, PlainSerializer(plain, return_type=str)]
Budget = Annotated[
    Decimal,
    Field(gt=0, max_digits=18, decimal_places=FRACTION_DIGITS, allow_inf_nan=False),
]
"""US dollars."""
