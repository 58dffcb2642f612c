"""A ZIP archive as bytes around bytes that are known before: nothing compressed, every offset foreseen.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3 and 4.5.3)
"""

import struct
from dataclasses import dataclass
from datetime import datetime

_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8
_UTF_8 = 1 << 11
_MODE = 0o100644 << 16
_MANY, _LARGE = 0xFFFF, 0xFFFFFFFF
_OLDEST = 1980
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_ENTRY = struct.Struct("<IHHHHHHIIIHHHHHII")
_ENDING = struct.Struct("<IHHHHIIH")
_ENDING_64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR_64 = struct.Struct("<IIQI")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, its content known by length and CRC-32."""

    name: str
    size: int
    crc32: int

    def header(self, moment: datetime) -> bytes:
        """What stands before its bytes.

        >>> len(Member("a.png", 9, 1).header(datetime(2026, 11, 22)))
        35
        """
        name = self.name.encode()
        extra = _extra(self.size, self.size) if self._large else b""
        length = _LARGE if self._large else self.size
        version = _VERSION_64 if self._large else _VERSION
        fixed = (0x04034B50, version, _UTF_8, 0, *_dos(moment), self.crc32, length, length)
        return _LOCAL.pack(*fixed, len(name), len(extra)) + name + extra

    def entry(self, offset: int, moment: datetime) -> bytes:
        """What the directory at the end says of it; `offset` is where its header stands."""
        name = self.name.encode()
        far = offset >= _LARGE
        sizes = (self.size, self.size) if self._large else ()
        extra = _extra(*sizes, *((offset,) if far else ()))
        length = _LARGE if self._large else self.size
        version = _VERSION_64 if extra else _VERSION
        fixed = (0x02014B50, _UNIX | version, version, _UTF_8, 0, *_dos(moment), self.crc32)
        lengths = (length, length, len(name), len(extra), 0, 0, 0)
        return _ENTRY.pack(*fixed, *lengths, _MODE, _LARGE if far else offset) + name + extra

    @property
    def _large(self) -> bool:
        return self.size >= _LARGE


def ending(members: int, offset: int, length: int) -> bytes:
    """The very end of an archive whose directory of so many members stands there and is so long.

    >>> len(ending(3, 100, 200)), len(ending(70_000, 100, 200))
    (22, 98)
    """
    shown = (min(members, _MANY), min(length, _LARGE), min(offset, _LARGE))
    plain = _ENDING.pack(0x06054B50, 0, 0, shown[0], shown[0], shown[1], shown[2], 0)
    if members < _MANY and offset < _LARGE and length < _LARGE:
        return plain
    size = _ENDING_64.size - 12
    version = (_UNIX | _VERSION_64, _VERSION_64)
    large = _ENDING_64.pack(0x06064B50, size, *version, 0, 0, members, members, length, offset)
    return large + _LOCATOR_64.pack(0x07064B50, 0, offset + length, 1) + plain


def _extra(*numbers: int) -> bytes:
    """The numbers that are too large for their fields."""
    return struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""


def _dos(moment: datetime) -> tuple[int, int]:
    """Time and date as MS-DOS kept them: to two seconds, from 1980."""
    year = max(moment.year - _OLDEST, 0)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, year << 9 | moment.month << 5 | moment.day
