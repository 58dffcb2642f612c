"""What a provider's invoice says of calls whose outcome nobody knows, in a person's word for it."""

from enum import StrEnum, auto


class Verdict(StrEnum):
    """Whether the invoice has the call on it."""

    BILLED = auto()
    """It was paid for; whether its image was ever made is still not known."""
    UNBILLED = auto()
    """It cost nothing."""
