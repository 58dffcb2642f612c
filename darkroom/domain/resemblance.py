"""Which pictures of many resemble each other: near ones are found without a look at all the others."""

from collections import defaultdict
from dataclasses import dataclass, field

NEAR = 3
"""Bits of 64 that may differ between pictures that count as the same."""

_BANDS = NEAR + 1
_WIDTH = 64 // _BANDS
_MASK = (1 << _WIDTH) - 1


@dataclass(slots=True)
class Resemblances:
    """Remembers pictures by their 64 bits, each under the name of whom it belongs to.

    What differs in at most three bits has one of four quarters in common.

    >>> seen = Resemblances()
    >>> seen.meet("shoe", 0xFFFF), seen.meet("boot", 0xFFF8), seen.meet("cat", 0xF0F0 << 40)
    (None, 'shoe', None)
    >>> Resemblances().meet("shoe", 0xFFFF) is None
    True
    """

    _names: list[str] = field(default_factory=list)
    _bits: list[int] = field(default_factory=list)
    _quarters: defaultdict[tuple[int, int], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def meet(self, name: str, bits: int) -> str | None:
        """The first other whose picture this one resembles, if there is one; this one is remembered."""
        quarters = [(band, bits >> band * _WIDTH & _MASK) for band in range(_BANDS)]
        alike = (place for quarter in quarters for place in self._quarters[quarter])
        near = [
            place
            for place in alike
            if self._names[place] != name and (self._bits[place] ^ bits).bit_count() <= NEAR
        ]
        for quarter in quarters:
            self._quarters[quarter].append(len(self._names))
        self._names.append(name)
        self._bits.append(bits)
        return self._names[min(near)] if near else None
