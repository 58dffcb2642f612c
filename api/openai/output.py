"""A batch's output and error files: never stored, made from its jobs and images whenever they are read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from api.instruments import Instruments
from api.openai.lines import STATES, Link, Piece, length_of, line, written
from darkroom.store import openai_batches, results
from darkroom.store.openai_batches import ListedFile
from darkroom.store.session import Connection

PAGE = 500
CHUNK = 262_144
"""Bytes sent at once, more or less: few enough for the memory, so many that handing them on costs little."""
LINK_LIFE = timedelta(days=7)


def _lines(tools: Instruments, file: ListedFile) -> Iterator[list[Piece]]:
    """The lines of a file as pieces, in the order of the input; no transaction is open while one is used."""
    assert file.batch_id is not None
    assert file.kind is not None
    after, states = -1, STATES[file.kind]
    while True:
        with tools.transaction() as connection:
            found = results.page(connection, file.batch_id, states, after=after, limit=PAGE)
            link = _link(tools, connection, file) if file.links else None
            lines = [line(result, file.kind, link) for result in found]
        yield from lines
        if len(found) < PAGE:
            return
        after = found[-1].line


def _link(tools: Instruments, connection: Connection, file: ListedFile) -> Link:
    """Writes links that end a week after the file was made: the same ones whenever it is read."""
    until = file.created_at + LINK_LIFE
    return lambda path: tools.signatures.link(connection, path, until)


def measured(tools: Instruments, file: ListedFile) -> ListedFile:
    """The same file with its length; that is summed up line by line once, and remembered."""
    if file.bytes is not None:
        return file
    size = sum(length_of(pieces) for pieces in _lines(tools, file))
    with tools.transaction() as connection:
        openai_batches.note_size(connection, file, size)
    return replace(file, bytes=size)


def read(tools: Instruments, file: ListedFile, start: int, end: int) -> Iterator[bytes]:
    """Bytes `start` to `end` (exclusive); lines before them are passed over without reading a picture."""
    return _gathered(_parts(tools, file, start, end))


def _parts(tools: Instruments, file: ListedFile, start: int, end: int) -> Iterator[bytes]:
    position = 0
    for pieces in _lines(tools, file):
        if position >= end:
            return
        length = length_of(pieces)
        if position + length > start:
            yield from _cut(written(tools.blobs, pieces), start - position, end - position)
        position += length


def _gathered(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer and larger pieces."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= CHUNK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _cut(chunks: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    """Bytes `start` to `end` of these chunks; either may lie outside of them.

    >>> list(_cut(iter([b"abc", b"def"]), 2, 5))
    [b'c', b'de']
    """
    position = 0
    for chunk in chunks:
        if kept := chunk[max(start - position, 0) : max(end - position, 0)]:
            yield kept
        position += len(chunk)
        if position >= end:
            return
