"""File names for custom_ids: readable where that is safe, percent-encoded where a name could hurt."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from itertools import count
from unicodedata import normalize

LONGEST_STEM = 180
"""Bytes; what remains of 255 holds an index, an extension and the mark of an unfinished download."""

_PLAIN = frozenset(" !#$&'()+,-.=@[]_")
"""Kept as they are beside letters and digits of every script; `%` and `~` are this module's own marks."""

_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"
}
"""Windows takes these for devices, whatever extension follows.

https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
"""


def stem(custom_id: str) -> str:
    """A file name without its extension, safe on every system; different for different custom_ids.

    One that is too long is cut and ends in a hash of the whole.

    >>> stem("SKU-0042 red"), stem("猫"), stem("../../x")
    ('SKU-0042 red', '猫', '%2E.%2F..%2Fx')
    >>> stem("con.png"), stem("100%"), stem("end."), stem("a~2")
    ('%63on.png', '100%25', 'end%2E', 'a%7E2')
    >>> len(stem("x" * 500))
    180
    """
    pieces = [char if plain(char) else _encoded(char) for char in custom_id]
    for place in (0, -1):
        if pieces and pieces[place] in {".", " "}:
            pieces[place] = _encoded(pieces[place])
    return _tamed(pieces, custom_id)


def tamed(name: str) -> str:
    """A name of plain characters that is no device's and not too long; the same where it was neither.

    >>> tamed("con"), tamed("shoe-front"), len(tamed("x" * 500))
    ('%63on', 'shoe-front', 180)
    """
    return _tamed([*name], name)


def _tamed(pieces: list[str], whole: str) -> str:
    if "".join(pieces).split(".", 1)[0].rstrip().lower() in _DEVICES:
        pieces[0] = _encoded(whole[0])
    name = "".join(pieces)
    if len(name.encode()) <= LONGEST_STEM:
        return name
    mark = f"~{_digest(whole)}"
    return _cut(pieces, LONGEST_STEM - len(mark)) + mark


def plain(char: str) -> bool:
    """Whether a character may stand in a file name on every system as it is."""
    return char in _PLAIN or (char.isalnum() and normalize("NFC", char) == char)


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _digest(custom_id: str) -> str:
    return sha256(custom_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _cut(pieces: list[str], limit: int) -> str:
    """As many whole pieces as fit into so many bytes."""
    kept, length = [], 0
    for piece in pieces:
        length += len(piece.encode())
        if length > limit:
            break
        kept.append(piece)
    return "".join(kept)


@dataclass(slots=True)
class Names:
    """Gives every custom_id of a batch names of its own, also where `A` and `a` are one file.

    The same custom_ids in the same order get the same names.

    >>> names = Names()
    >>> names.claim("shoe", 1), names.claim("Shoe", 1), names.claim("cat", 2)
    (('shoe',), ('Shoe~2',), ('cat-1', 'cat-2'))
    """

    _taken: set[bytes] = field(default_factory=set)

    def claim(self, custom_id: str, images: int) -> tuple[str, ...]:
        """The stems of this custom_id's images, `-1`, `-2` … if they are several."""
        name = stem(custom_id)
        return self.take(lambda mark: numbered(f"{name}{mark}", images))

    def take(self, stems_with: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
        """The stems with the first mark, none, `~2`, `~3` …, that leaves none of them taken."""
        for attempt in count(1):
            stems = stems_with("" if attempt == 1 else f"~{attempt}")
            keys = {_folded(one) for one in stems}
            if self._taken.isdisjoint(keys):
                self._taken |= keys
                return stems
        raise AssertionError("counting does not end")


def numbered(name: str, images: int) -> tuple[str, ...]:
    """A name for each of several images, or the name itself for one."""
    if images == 1:
        return (name,)
    return tuple(f"{name}-{number}" for number in range(1, images + 1))


def _folded(name: str) -> bytes:
    """Eight bytes that are equal for names which some file system takes for one."""
    key = normalize("NFKC", normalize("NFKC", name).casefold())
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
