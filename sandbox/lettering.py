"""Text set into a box: which font size fits, and where its lines break."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from noto_cjk_sans_jp_regular import FONT_PATH
from PIL import ImageFont

_UNIT = 100
_LINE_HEIGHT = 1.4
_SHRINK = 0.85
_READ_AT_MOST = 2000
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Setting:
    """Lines of text at one font size, in pixels."""

    lines: tuple[str, ...]
    size: int

    @property
    def line_height(self) -> int:
        """The distance between two baselines."""
        return round(self.size * _LINE_HEIGHT)

    @property
    def height(self) -> int:
        """What all lines take together."""
        return self.line_height * len(self.lines)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The one typeface of the sandbox; it has Latin, Greek, Cyrillic and CJK."""
    return ImageFont.truetype(str(FONT_PATH), size, layout_engine=ImageFont.Layout.BASIC)


def typeset(text: str, width: int, height: int) -> Setting:
    """The text at the largest size that fits the box; cut with an ellipsis if none does."""
    clean = _printable(text[:_READ_AT_MOST])
    size, least = max(12, height // 8), max(12, height // 45)
    while size > least:
        setting = Setting(tuple(_wrap(clean, width / size * _UNIT)), size)
        if setting.height <= height:
            return setting
        size = max(least, int(size * _SHRINK))
    return _cut(Setting(tuple(_wrap(clean, width / least * _UNIT)), least), height)


def _cut(setting: Setting, height: int) -> Setting:
    room = max(1, height // setting.line_height)
    if len(setting.lines) <= room:
        return setting
    kept = setting.lines[:room]
    return Setting((*kept[:-1], kept[-1][:-1] + _ELLIPSIS), setting.size)


def _printable(text: str) -> str:
    return "".join(
        character if character == "\n" or unicodedata.category(character)[0] != "C" else " "
        for character in text.replace("\r\n", "\n")
    )


def _wrap(text: str, room: float) -> Iterator[str]:
    """Lines no wider than `room` (in hundredths of the font size)."""
    for paragraph in text.split("\n"):
        line, taken = "", 0.0
        for word in _words(paragraph):
            wide = _advance(word.rstrip())
            if line and taken + wide > room:
                yield line.rstrip()
                line, taken = "", 0.0
            for piece in _pieces(word, room):
                if line and taken + _advance(piece.rstrip()) > room:
                    yield line.rstrip()
                    line, taken = "", 0.0
                line, taken = line + piece, taken + _advance(piece)
        yield line.rstrip()


def _words(paragraph: str) -> Iterator[str]:
    """Chunks that may not be torn: a word with the space behind it, or one wide character.

    >>> list(_words("red 狐狸 fox"))
    ['red ', '狐', '狸', ' ', 'fox']
    """
    word = ""
    for character in paragraph:
        wide = unicodedata.east_asian_width(character) in "WF"
        if wide and word:
            yield word
            word = ""
        word += character
        if wide or character == " ":
            yield word
            word = ""
    if word:
        yield word


def _pieces(word: str, room: float) -> Iterator[str]:
    """The word itself, or its characters if it is wider than a line."""
    if _advance(word.rstrip()) <= room:
        yield word
    else:
        yield from word


def _advance(text: str) -> float:
    return sum(map(_character_advance, text))


@lru_cache(maxsize=20_000)
def _character_advance(character: str) -> float:
    return font(_UNIT).getlength(character)
