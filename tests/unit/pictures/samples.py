"""Real pictures, made by Pillow, and the means to damage them."""

import random
import struct
import zlib
from io import BytesIO

from PIL import Image


def canvas(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture that compresses badly enough to have a body."""
    noise = random.Random(f"{width}x{height}").randbytes(width * height * 4)
    return Image.frombytes("RGBA", (width, height), noise).convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + png_chunk(b"IEND", b"")


def pixels(width: int, height: int) -> bytes:
    """The IDAT chunk of a black RGB picture."""
    return png_chunk(b"IDAT", zlib.compress((b"\0" + bytes(3 * width)) * height))


PICTURES: dict[str, bytes] = {
    "png": encoded(canvas(), "PNG"),
    "png-alpha": encoded(canvas(mode="RGBA"), "PNG"),
    "png-palette": encoded(canvas().quantize(16), "PNG"),
    "jpeg": encoded(canvas(), "JPEG"),
    "jpeg-progressive": encoded(canvas(), "JPEG", progressive=True),
    "webp": encoded(canvas(), "WEBP"),
    "webp-lossless": encoded(canvas(mode="RGBA"), "WEBP", lossless=True),
    "webp-alpha": encoded(canvas(mode="RGBA"), "WEBP"),
    "gif": encoded(canvas(), "GIF"),
    "gif-moving": encoded(canvas(), "GIF", save_all=True, append_images=[canvas().rotate(180)]),
}
