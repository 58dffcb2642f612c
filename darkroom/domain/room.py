"""How much room the storage must have: the one threshold, for dispatch as for `doctor`."""

LARGEST_IMAGE = 25_000_000
"""Bytes that one call may bring: an uncompressed-looking 4K PNG, and its receipt."""


def room_needed(in_flight: int) -> int:
    """Bytes that must be free before a call is made: what all calls in flight may bring.

    >>> room_needed(30)
    750000000
    """
    return in_flight * LARGEST_IMAGE
