"""The cells of shop exports as people would say them: without markup, without stray blanks."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|&[A-Za-z]{2,8};|&#\d{1,7};")
_SILENT = frozenset({"script", "style", "template"})
_BREAKS = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6"}
)


class _Words(HTMLParser):
    """Collects what a page would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - html.parser's signature
        self._silent += tag in _SILENT
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT and self._silent > 0
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)

    def _part(self, tag: str) -> None:
        if tag in _BREAKS:
            self.words.append(" ")


def plain(text: str) -> str:
    """A text without its markup, every run of blanks one space.

    >>> plain("<p>Classic <b>clay</b> pot</p><ul><li>Large&nbsp;&amp; small</li></ul>")
    'Classic clay pot Large & small'
    >>> plain("  5 < 7  and 9 > 2 ")
    '5 < 7 and 9 > 2'
    """
    if _TAG.search(text):
        parser = _Words()
        parser.feed(text)
        parser.close()
        text = "".join(parser.words)
    return " ".join(text.split())


def cleaned(cells: Mapping[str, object]) -> dict[str, object]:
    """The cells of a row, their texts plain."""
    return {
        name: plain(value) if isinstance(value, str) else value for name, value in cells.items()
    }
