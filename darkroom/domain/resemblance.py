"""Which pictures of many resemble each other: near ones are found without a look at all the others."""

from collections import defaultdict
from dataclasses import dataclass, field

NEAR = 3
"""Bits of 64 that may differ between pictures that count as the same."""

SHADES = 20
"""As far apart may the lightness of a colour be in one spot; a JPEG of the same picture is 4 apart at most."""

_BANDS = NEAR + 1
_WIDTH = 64 // _BANDS
_MASK = (1 << _WIDTH) - 1


def alike(one: bytes, other: bytes) -> bool:
    """Whether the spots of two pictures have the same colours.

    >>> alike(b"abc", b"abd"), alike(b"abc", b"zbc")
    (True, False)
    """
    return all(abs(a - b) <= SHADES for a, b in zip(one, other, strict=True))


@dataclass(slots=True)
class Resemblances:
    """Remembers pictures by their 64 bits and their spots, each under the name of whom it belongs to.

    What differs in at most three bits has one of four quarters in common. Products on white have their bits
    in common as well: the spots tell those apart, and two colours of one thing.

    >>> seen = Resemblances()
    >>> seen.meet("shoe", 0xFFFF, b"aaa"), seen.meet("boot", 0xFFF8, b"abc")
    (None, 'shoe')
    >>> seen.meet("cat", 0xF0F0 << 40, b"aaa"), seen.meet("red shoe", 0xFFFF, b"zaa")
    (None, None)
    """

    _names: list[str] = field(default_factory=list)
    _bits: list[int] = field(default_factory=list)
    _spots: list[bytes] = field(default_factory=list)
    _quarters: defaultdict[tuple[int, int], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def meet(self, name: str, bits: int, spots: bytes) -> str | None:
        """The first other whose picture this one resembles, if there is one; this one is remembered."""
        quarters = [(band, bits >> band * _WIDTH & _MASK) for band in range(_BANDS)]
        met = (place for quarter in quarters for place in self._quarters[quarter])
        near = [
            place
            for place in met
            if self._names[place] != name
            and (self._bits[place] ^ bits).bit_count() <= NEAR
            and alike(self._spots[place], spots)
        ]
        for quarter in quarters:
            self._quarters[quarter].append(len(self._names))
        self._names.append(name)
        self._bits.append(bits)
        self._spots.append(spots)
        return self._names[min(near)] if near else None
