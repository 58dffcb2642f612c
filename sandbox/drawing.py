"""One picture for one prompt: real pixels in the asked size and format, never twice the same."""

import base64
import colorsys
import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageOps

from sandbox.contract import ImageRequest
from sandbox.lettering import font, typeset

Color = tuple[int, int, int]

_SHAPES = 14
_FAST_ZLIB = 1
_INK = (24, 26, 32)
_PAPER = (250, 249, 245)
_FAINT = (112, 114, 122)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the text panel lies, in pixels."""

    left: int
    top: int
    right: int
    bottom: int
    padding: int

    @classmethod
    def within(cls, width: int, height: int) -> "_Frame":
        margin = min(width, height) // 12
        return cls(margin, margin, width - margin, height - margin, margin // 2)


def draw(request: ImageRequest, nonce: int) -> bytes:
    """The encoded image; the prompt gives the mood, the nonce the composition."""
    chance = random.Random(f"{request.prompt}{nonce}")  # noqa: S311 - it paints
    canvas = _canvas(request, chance)
    frame = _Frame.within(request.width, request.height)
    pen = ImageDraw.Draw(canvas)
    corners = (frame.left, frame.top, frame.right, frame.bottom)
    pen.rounded_rectangle(corners, radius=frame.padding, fill=_PAPER)
    _letter(pen, request, frame, f"{nonce & 0xFFFFFFFF:08x}")
    return _encode(canvas, request)


@cache
def still_life(*, blank: bool = False) -> str:
    """A picture of 1024x1024 that is the same for every prompt, in base64."""
    canvas, buffer = Image.new("RGB", (1024, 1024), _PAPER), io.BytesIO()
    if not blank:
        ImageDraw.Draw(canvas).ellipse((200, 380, 820, 700), fill=_INK)
    _png(canvas, buffer, 0)
    return base64.b64encode(buffer.getvalue()).decode()


def _canvas(request: ImageRequest, chance: random.Random) -> Image.Image:
    size = (request.width, request.height)
    if request.transparent:
        return Image.new("RGBA", size, (0, 0, 0, 0))
    if request.references:
        return ImageOps.fit(request.references[0].image.convert("RGB"), size)
    hue = hashlib.sha256(request.prompt.encode()).digest()[0] / 256
    canvas = Image.new("RGB", size, _color(hue, 0.72, 0.45))
    _scatter(ImageDraw.Draw(canvas), size, hue, chance)
    return canvas


def _scatter(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    hue: float,
    chance: random.Random,
) -> None:
    for _ in range(_SHAPES):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        radius = round(min(size) * chance.uniform(0.05, 0.38))
        color = _color(hue + chance.uniform(-0.12, 0.12), chance.uniform(0.3, 0.85), 0.5)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)


def _color(hue: float, lightness: float, saturation: float) -> Color:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _letter(pen: ImageDraw.ImageDraw, request: ImageRequest, frame: _Frame, mark: str) -> None:
    """Set the prompt in the middle of the panel and the facts at its foot."""
    small = max(11, frame.padding // 2)
    x, foot = frame.left + frame.padding, frame.bottom - frame.padding - small
    room = foot - small - frame.top - frame.padding
    setting = typeset(request.prompt, frame.right - frame.padding - x, room)
    y = frame.top + frame.padding + max(0, (room - setting.height) // 2)
    for line in setting.lines:
        pen.text((x, y), line, font=font(setting.size), fill=_INK)
        y += setting.line_height
    facts = f"{request.model.id} · {request.size} · {request.quality} · {mark}"
    pen.text((x, foot), facts, font=font(small), fill=_FAINT)


def _encode(canvas: Image.Image, request: ImageRequest) -> bytes:
    buffer = io.BytesIO()
    _ENCODERS[request.output_format](canvas, buffer, request.compression)
    return buffer.getvalue()


def _png(canvas: Image.Image, buffer: io.BytesIO, _compression: int) -> None:
    canvas.save(buffer, "PNG", compress_level=_FAST_ZLIB)


def _jpeg(canvas: Image.Image, buffer: io.BytesIO, compression: int) -> None:
    canvas.save(buffer, "JPEG", quality=max(1, compression))


def _webp(canvas: Image.Image, buffer: io.BytesIO, compression: int) -> None:
    canvas.save(buffer, "WEBP", quality=compression, method=0)


_ENCODERS: dict[str, Callable[[Image.Image, io.BytesIO, int], None]] = {
    "png": _png,
    "jpeg": _jpeg,
    "webp": _webp,
}
