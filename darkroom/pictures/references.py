"""The pictures that people hand in to be worked on, and the masks that say where.

What the image API takes:
https://github.com/openai/openai-python/blob/main/src/openai/types/image_edit_params.py
"""

from typing import Final

from darkroom.pictures import jpeg, png
from darkroom.pictures.decoding import decode_small
from darkroom.pictures.formats import PIXEL_LIMIT, NotAPicture, Picture, PictureFormat, Unsound
from darkroom.pictures.inspection import read

_ACCEPTED: Final = (PictureFormat.PNG, PictureFormat.JPEG, PictureFormat.WEBP)
_BYTES_LIMIT: Final = 50_000_000
_PIXELS_LIMIT: Final = 200_000_000
"""Of the largest sensor in a phone."""
_FIX: Final = (
    f"hand in a whole PNG, JPEG or WebP of at most {_PIXELS_LIMIT // 10**6} million pixels"
)


def check_reference(data: bytes | memoryview) -> Picture | NotAPicture:
    """Return what a person's picture is, or why it cannot be a reference, with the fix.

    It is read to its end and, unless it is so large that this would take hundreds of megabytes, decoded once,
    PNG too. Behind a JPEG anything may follow: phones put films, depth maps and notes
    of their own there.
    """
    if len(data) >= _BYTES_LIMIT:
        size = f"{len(data):,} bytes, {_BYTES_LIMIT // 10**6} MB or more"
        return NotAPicture(f"{size}; save it smaller or as JPEG")
    try:
        return _decoded(_without_trailer(memoryview(data).cast("B")))
    except Unsound as unsound:
        return NotAPicture(f"{unsound}; {_FIX}")


def check_mask(mask: bytes | memoryview, first: Picture) -> NotAPicture | None:
    """Return why these bytes cannot be the mask of the first reference, with the fix; None if they can."""
    picture = check_reference(mask)
    if isinstance(picture, NotAPicture):
        return picture
    return mask_flaw(picture, first, has_alpha_channel=has_alpha_channel(mask, picture))


def has_alpha_channel(data: bytes | memoryview, picture: Picture) -> bool:
    """Tell whether this checked picture is a PNG in which each pixel has its own alpha, as a mask's has."""
    is_png = picture.format is PictureFormat.PNG
    return is_png and png.has_alpha_channel(memoryview(data).cast("B"))


def mask_flaw(mask: Picture, first: Picture, *, has_alpha_channel: bool) -> NotAPicture | None:
    """Return why a checked picture cannot be the mask of the first reference; None if it can."""
    if mask.format is not PictureFormat.PNG:
        return NotAPicture(f"a {mask.format.upper()}; a mask is a PNG with an alpha channel")
    if not has_alpha_channel:
        fix = "save it as RGBA, transparent where the picture is to be redrawn"
        return NotAPicture(f"a PNG without an alpha channel; {fix}")
    if (mask.width, mask.height) != (first.width, first.height):
        found, wanted = _size(mask), _size(first)
        return NotAPicture(f"{found} pixels; make it {wanted}, the size of the first reference")
    return None


def box_flaw(first: Picture, box: tuple[int, int, int, int]) -> NotAPicture | None:
    """Return why a box cannot be redrawn in the first reference; None if it can."""
    x0, y0, x1, y1 = box
    if 0 <= x0 < x1 <= first.width and 0 <= y0 < y1 <= first.height:
        return None
    return NotAPicture(
        f"the box {x0},{y0},{x1},{y1} is not within the picture of {_size(first)} pixels: "
        f"give x0,y0,x1,y1 with 0 ≤ x0 < x1 ≤ {first.width} and 0 ≤ y0 < y1 ≤ {first.height}"
    )


def _without_trailer(view: memoryview) -> memoryview:
    if bytes(view[: len(jpeg.SIGNATURE)]) == jpeg.SIGNATURE:
        return view[: jpeg.first_end(view)]
    return view


def _decoded(view: memoryview) -> Picture:
    picture = read(view, _PIXELS_LIMIT)
    if picture.format not in _ACCEPTED:
        raise Unsound(f"a {picture.format.upper()} picture, which is not accepted")
    if picture.width * picture.height <= PIXEL_LIMIT:
        decode_small(view, picture)
    return picture


def _size(picture: Picture) -> str:
    return f"{picture.width}×{picture.height}"
