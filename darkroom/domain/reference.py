"""References: the pictures that an edit works on, as a row names them, and the mask that says where."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto

from darkroom.domain.models import MASK_BYTES
from darkroom.domain.problem import Problem, clipped

COLUMNS = ("image", "images", "mask", "mask_box")
"""What makes a row an edit."""

SEPARATOR = "|"
_FILE_ID = re.compile("file-[A-Za-z0-9]{16,}")
_BOX = re.compile(",".join([r"\s*(\d{1,9})\s*"] * 4))
_SHOWN = 60
_HOW = "write a path, a URL, a data URL or a file id"
LEADS_NOWHERE = (
    "a path leads nowhere from here: the darkroom command uploads the files that a list names; over HTTP, "
    "upload it to /api/v1/files with purpose vision and write its id, or name it in `files`"
)

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels from the upper left; x1 and y1 lie just outside."""


class Place(StrEnum):
    """Where the bytes of a reference are."""

    PATH = auto()
    """On the machine of whoever wrote the row; the command line uploads them."""
    URL = auto()
    DATA = auto()
    """In the row itself."""
    FILE = auto()
    """In a file that was uploaded."""


def place_of(reference: str) -> Place:
    """Where a reference points to.

    >>> [place_of(one).value for one in ("a/shoe.png", "HTTPS://cdn.example/", "data:,AA")]
    ['path', 'url', 'data']
    >>> place_of("file-0199aaaabbbbccccddddeeeeffff0000"), place_of("file-1.png")
    (<Place.FILE: 'file'>, <Place.PATH: 'path'>)
    """
    head = reference[:8].lower()
    if head.startswith(("http://", "https://")):
        return Place.URL
    if head.startswith("data:"):
        return Place.DATA
    return Place.FILE if _FILE_ID.fullmatch(reference) else Place.PATH


def shown_reference(reference: str) -> str:
    """As much of a reference as may be shown: the queries of URLs carry signatures.

    >>> shown_reference("https://cdn.example/shoe.png?signature=secret")
    'https://cdn.example/shoe.png'
    >>> shown_reference("data:image/png;base64,iVBORw0KGgo=")
    'data:image/png;base64,…'
    """
    match place_of(reference):
        case Place.URL:
            return clipped(re.split("[?#]", re.sub("//[^/@]*@", "//", reference))[0], _SHOWN)
        case Place.DATA:
            return clipped(reference.partition(",")[0], _SHOWN) + ",…"
        case _:
            return clipped(reference, _SHOWN)


@dataclass(frozen=True, slots=True)
class Edit:
    """What is worked on, by references as they were written or, once looked at, by their sha256.

    What is transparent in the mask, or inside the box, is redrawn in the first of the images.
    """

    images: tuple[str, ...]
    mask: str | None = None
    box: Box | None = None
    column: str = "images"
    """Where the images stand in the row."""
    mask_bytes: int = field(default=MASK_BYTES, repr=False)
    """The mask has fewer, says the model."""

    @property
    def references(self) -> tuple[str, ...]:
        """The images, and the mask behind them."""
        return self.images if self.mask is None else (*self.images, self.mask)

    def body(self) -> dict[str, object]:
        """What a job keeps of it.

        >>> Edit(("0a", "0b"), mask="0c").body()
        {'images': ['0a', '0b'], 'mask': '0c'}
        """
        kept = {"images": list(self.images), "mask": self.mask, "mask_box": self.box}
        return {name: value for name, value in kept.items() if value is not None}


def read_edit(given: Mapping[str, object]) -> Edit | tuple[Problem, ...] | None:
    """The edit that these cells, none of them blank, ask for; None if they ask for none.

    A cell is text, several images with `|` between them, or what OpenAI's JSON has there.

    >>> read_edit({"image": "a.png | b.png", "mask_box": "0,0,512,512"})
    Edit(images=('a.png', 'b.png'), mask=None, box=(0, 0, 512, 512), column='image')
    >>> read_edit({"images": [{"image_url": "https://cdn.example/a.png"}]}).images
    ('https://cdn.example/a.png',)
    >>> print(read_edit({"mask": "m.png"})[0])
    column mask, value 'm.png': a mask needs a picture to lie on; name one in the column `image`
    """
    if not given:
        return None
    column = "image" if "image" in given else "images"
    images, mask, box = _images(given.get(column)), _mask(given), _box(given)
    problems = [*_contradictions(given)]
    problems += [found for found in (mask, box) if isinstance(found, Problem)]
    if isinstance(images, str):
        shown = _value(given.get(column))
        problems.append(Problem("image_not_allowed", images, column=column, value=shown))
    if problems or isinstance(images, str) or isinstance(mask, Problem) or isinstance(box, Problem):
        return tuple(problems)
    return Edit(images, mask, box, column)


def stray_paths(edit: Edit, uploaded: Container[str]) -> Iterator[Problem]:
    """What is wrong with an edit of somebody elsewhere: the paths in it for which nothing was uploaded.

    >>> [str(one.column) for one in stray_paths(Edit(("a.png", "b.png"), "m.png"), {"a.png"})]
    ['images', 'mask']
    """
    named = [("image_not_usable", edit.column, one) for one in edit.images]
    named += [("mask_not_usable", "mask", edit.mask)] if edit.mask else []
    for code, column, reference in named:
        if place_of(reference) is Place.PATH and reference not in uploaded:
            yield Problem(code, LEADS_NOWHERE, column=column, value=shown_reference(reference))


def _contradictions(given: Mapping[str, object]) -> list[Problem]:
    problems = []
    if "image" in given and "images" in given:
        message = (
            "the row has a column `image` too; keep one of them, several images with | between"
        )
        problems.append(_contradiction("images", given, message))
    if "mask" in given and "mask_box" in given:
        message = "the row has a mask too; keep one of them"
        problems.append(_contradiction("mask_box", given, message))
    if "image" not in given and "images" not in given:
        message = "a mask needs a picture to lie on; name one in the column `image`"
        problems.append(_contradiction("mask" if "mask" in given else "mask_box", given, message))
    return problems


def _contradiction(column: str, given: Mapping[str, object], message: str) -> Problem:
    code = "combination_not_allowed"
    return Problem(code, message, column=column, value=_value(given[column]))


def _images(value: object) -> tuple[str, ...] | str:
    """The references in a cell, or what is wrong with it."""
    match value:
        case None:
            return ()
        case str():
            images = [one.strip() for one in value.split(SEPARATOR)]
            if any(images) and not all(images):
                part = images.index("") + 1
                return (
                    f"its part {part} is empty: name a picture there, or take one {SEPARATOR} out"
                )
            images = [one for one in images if one]
        case list():
            images = [_one(one) for one in value]
        case _:
            images = [_one(value)]
    if not images:
        return f"there is none in it; {_HOW}"
    if not all(images):
        return (
            f'one of them is no reference; {_HOW}, in JSON {{"image_url": …}} or {{"file_id": …}}'
        )
    return tuple(images)


def _one(value: object) -> str:
    """The reference that a value is, or nothing."""
    match value:
        case str():
            return value.strip()
        case {"image_url": str(url), **others} if not others:
            return url if place_of(url) in (Place.URL, Place.DATA) else ""
        case {"file_id": str(file_id), **others} if not others:
            return file_id if place_of(file_id) is Place.FILE else ""
        case _:
            return ""


def _mask(given: Mapping[str, object]) -> str | Problem | None:
    value = given.get("mask")
    if value is None:
        return None
    if mask := _one(value):
        return mask
    return Problem("mask_not_allowed", f"is no reference; {_HOW}", column="mask", value=str(value))


def _box(given: Mapping[str, object]) -> Box | Problem | None:
    value = given.get("mask_box")
    if value is None:
        return None
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    if found := _BOX.fullmatch(text):
        x0, y0, x1, y1 = map(int, found.groups())
        if x0 < x1 and y0 < y1:
            return x0, y0, x1, y1
    message = "must be x0,y0,x1,y1 in pixels: the box to redraw, with x0 < x1 and y0 < y1"
    return Problem("mask_box_not_allowed", message, column="mask_box", value=text)


def _value(value: object) -> str:
    return shown_reference(value) if isinstance(value, str) else clipped(value, _SHOWN)
