"""Which character parts the cells of a table, told from its header alone."""

import re
from collections import Counter

DELIMITERS = ",;\t|"
"""What may part cells, the more usual first."""

_ANNOUNCED = re.compile(r"sep=([,;\t|])\r?\n")


def announced(text: str) -> str | None:
    r"""The delimiter of Excel's `sep=;` line before the header, if the text begins with one.

    >>> announced("sep=;\nprompt;size")
    ';'
    """
    found = _ANNOUNCED.match(text)
    return found[1] if found else None


def delimiter_of(text: str) -> str:
    r"""The delimiter most frequent in the header outside quotes; a comma where there is none.

    >>> delimiter_of('prompt;"size, cm";model\na, b, c, d;1;x')
    ';'
    >>> delimiter_of("prompt")
    ','
    """
    counts = Counter(_unquoted(text))
    return max(DELIMITERS, key=lambda delimiter: counts[delimiter])


def header_names(text: str, delimiter: str) -> list[str]:
    r"""A rough look at the names in the first line, good enough to tell a table from prose.

    >>> header_names('"prompt" ; size\na cat;1', ";")
    ['prompt', 'size']
    """
    first = text.splitlines()[0] if text else ""
    return [name.strip().strip('"').strip() for name in first.split(delimiter)]


def _unquoted(text: str) -> str:
    """The first record without its quoted parts; a quote opens only where a cell begins."""
    kept: list[str] = []
    quoted, before = False, ","
    for character in text:
        if character == '"' and (quoted or before in DELIMITERS):
            quoted = not quoted
        elif not quoted and character in "\r\n":
            break
        elif not quoted:
            kept.append(character)
        before = character
    return "".join(kept)
