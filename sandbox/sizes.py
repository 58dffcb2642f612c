"""The size of an image: what can be asked for, and what `auto` becomes."""

import re

from sandbox.errors import ApiError, image_user_error, unsupported_value

PRESETS = ("1024x1024", "1024x1536", "1536x1024")
AUTOMATIC = (1024, 1024)

_STEP = 16
_MIN_PIXELS = 655_360
_MAX_PIXELS = 8_294_400
_MAX_EDGE = 3840
_MAX_RATIO = 3
_FORM = re.compile(r"([1-9]\d{0,5})x([1-9]\d{0,5})")


def read_size(text: str, *, custom: bool) -> tuple[int, int]:
    """Width and height in pixels.

    >>> read_size("auto", custom=False)
    (1024, 1024)
    >>> read_size("2048x1152", custom=True)
    (2048, 1152)

    Raises:
        ApiError: 400 `invalid_value`, if the model cannot make that size.
    """
    if text == "auto":
        return AUTOMATIC
    matched = _FORM.fullmatch(text)
    if matched is None or (not custom and text not in PRESETS):
        raise unsupported_value("size", text, [*PRESETS, "auto"])
    width, height = int(matched[1]), int(matched[2])
    if custom and (problem := _problem(width, height)):
        raise _refusal(text, problem)
    return width, height


def _problem(width: int, height: int) -> str | None:
    long, short = max(width, height), min(width, height)
    if width % _STEP or height % _STEP:
        return f"Width and height must both be divisible by {_STEP}."
    if long > _MAX_EDGE:
        return f"The longest edge must not exceed {_MAX_EDGE} pixels."
    if long > _MAX_RATIO * short:
        return "The aspect ratio must be between 1:3 and 3:1."
    if width * height < _MIN_PIXELS:
        return "Requested resolution is below the current minimum pixel budget."
    if width * height > _MAX_PIXELS:
        return "Requested resolution exceeds the current pixel budget."
    return None


def _refusal(text: str, problem: str) -> ApiError:
    return image_user_error(f"Invalid size '{text}'. {problem}", "size")
