"""What bytes are that are no picture, in words for people."""

from typing import Final

_HEAD_BYTES: Final = 1024

_BINARY: Final = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BM", "a BMP picture, which is not accepted"),
    (b"II*\0", "a TIFF picture, which is not accepted"),
    (b"MM\0*", "a TIFF picture, which is not accepted"),
    (b"\xff\x0a", "a JPEG XL picture, which is not accepted"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture, which is not accepted"),
)
_BRANDS: Final = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"mif1": "HEIC",
}
_TEXT: Final = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<head", "an HTML page"),
    (b"<body", "an HTML page"),
    (b"<script", "an HTML page"),
    (b"<svg", "an SVG drawing, which is not accepted"),
    (b"<?xml", "an XML document"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"event:", "a stream of events"),
    (b"data:image/", "a data: URL, not the bytes inside it"),
    (b"ivborw0kggo", "a picture still in base64"),
    (b"/9j/", "a picture still in base64"),
    (b"uklgr", "a picture still in base64"),
    (b"r0lgod", "a picture still in base64"),
)


def described(view: memoryview) -> str:
    r"""Say what the bytes are instead of a picture.

    >>> described(memoryview(b"  <!DOCTYPE html><title>502</title>"))
    'an HTML page'
    >>> described(memoryview(b'{"error": {}}')), described(memoryview(b""))
    ('JSON', 'empty')
    >>> described(memoryview(b"\x00\x01\xfe"))
    'unknown bytes that begin with 00 01 fe'
    """
    head = bytes(view[:_HEAD_BYTES])
    if not head:
        return "empty"
    return _binary(head) or _text(head) or f"unknown bytes that begin with {head[:8].hex(' ')}"


def _binary(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return f"a {_BRANDS.get(head[8:12], 'video or HEIF')} file, which is not accepted"
    return next((words for sign, words in _BINARY if head.startswith(sign)), None)


def _text(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text:
        return "an SVG drawing, which is not accepted"
    words = next((words for sign, words in _TEXT if text.startswith(sign)), None)
    return words or ("plain text" if _is_text(head) else None)


def _is_text(head: bytes) -> bool:
    # The last character may be cut by the head's end, so errors there do not count.
    shown = head.decode("utf-8", "replace").rstrip("�")
    return (
        bool(shown)
        and all(char.isprintable() or char.isspace() for char in shown)
        and "�" not in shown
    )
