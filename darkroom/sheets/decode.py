"""From bytes to numbered lines of text, streaming, or the byte that stands in the way."""

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from darkroom.domain.problem import BadInput
from darkroom.sheets.row import refused

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's text is written, and the length in bytes of its byte order mark."""

    name: str
    mark: int


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(head: bytes) -> Encoding:
    r"""Told by the byte order mark; UTF-8 without one.

    Raises:
        BadInput: the mark is that of UTF-32.

    >>> encoding_of(b"\xff\xfea\x00")
    Encoding(name='utf-16-le', mark=2)
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise refused("not_utf8", "the file is written in UTF-32; save it as UTF-8")
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    return Encoding("utf-8", 0)


def lines(path: Path, limit: int) -> Iterator[str]:
    r"""The file's physical lines with their ends (LF, CRLF or CR), none ever held but the current one.

    A line of more than `limit` characters comes cut, at more than `limit` characters, so that its
    length tells.

    Raises:
        BadInput: a byte that is not of the file's encoding, or a NUL.
    """
    with path.open("rb") as file:
        encoding = encoding_of(file.read(4))
        file.seek(encoding.mark)
        with io.TextIOWrapper(file, encoding.name, errors="strict", newline="") as text:
            try:
                yield from _limited(text, limit)
            except UnicodeDecodeError:
                raise _undecodable(path, encoding) from None


def overlong(line: str, limit: int) -> bool:
    r"""Whether a line from `lines` is longer than the limit, its end not counted.

    >>> overlong("abc\r\n", 3), overlong("abcd", 3)
    (False, True)
    """
    return len(line) > limit and len(line.rstrip("\r\n")) > limit


def _limited(text: io.TextIOWrapper, limit: int) -> Iterator[str]:
    size = limit + 2
    number = 0
    while line := text.readline(size):
        number += 1
        if "\0" in line:
            raise refused(
                "nul_byte",
                "the file holds a NUL byte, so it is binary or damaged; save it as UTF-8 text",
                line=number,
            )
        rest = line
        while len(rest) == size and not rest.endswith("\n"):
            rest = text.readline(size)
        yield line


def _undecodable(path: Path, encoding: Encoding) -> BadInput:
    """Read once more, to name the line and the byte: the decoder that failed knew neither."""
    decoder = codecs.getincrementaldecoder(encoding.name)()
    line, position = 1, encoding.mark
    with path.open("rb") as file:
        file.seek(encoding.mark)
        while True:
            chunk = file.read(_CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                line += _breaks(decoder.decode(chunk, final=not chunk))
            except UnicodeDecodeError as error:
                line += _breaks(error.object[: error.start].decode(encoding.name))
                return _refusal(encoding, line, position - pending + error.start, error)
            if not chunk:
                return refused("not_utf8", "the file changed while it was read; hand it in again")
            position += len(chunk)


def _breaks(text: str) -> int:
    return text.count("\n") or text.count("\r")


def _refusal(encoding: Encoding, line: int, offset: int, error: UnicodeDecodeError) -> BadInput:
    byte = error.object[error.start]
    latin = chr(byte)
    guess = f" ({latin!r} if it is Latin-1)" if latin.isalpha() else ""
    return refused(
        "not_utf8",
        f"byte {offset} of the file is 0x{byte:02X}{guess}, which is not {encoding.name.upper()};"
        " save the file as UTF-8",
        line=line,
        value=f"0x{byte:02X}",
    )
