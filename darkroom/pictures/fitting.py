"""Whether the pictures of an edit can be used, each for itself and the mask with the first of them."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from darkroom.domain.problem import Problem
from darkroom.domain.reference import Edit, shown_reference
from darkroom.pictures.formats import NotAPicture, Picture
from darkroom.pictures.references import box_flaw, check_reference, has_alpha_channel, mask_flaw


@dataclass(frozen=True, slots=True)
class Seen:
    """A reference that was looked at: its bytes, by their sha256, are this picture."""

    sha256: str
    bytes: int
    picture: Picture
    has_alpha_channel: bool


Sight = Seen | NotAPicture
"""What looking at a reference brought."""


def look(data: bytes) -> Sight:
    """Decode a picture, once, and remember all that an edit depends on."""
    picture = check_reference(data)
    if isinstance(picture, NotAPicture):
        return picture
    sha256 = hashlib.sha256(data).hexdigest()
    return Seen(sha256, len(data), picture, has_alpha_channel(data, picture))


def fitting(edit: Edit, sight: Callable[[str], Sight | None]) -> Iterator[Problem]:
    """Yield everything that is wrong with the pictures of an edit.

    `sight` has what looking at a reference brought, None for one that is looked at elsewhere.
    """
    for reference in edit.images:
        yield from _flaw("image_not_usable", edit.column, reference, sight(reference))
    if edit.mask is not None:
        yield from _flaw("mask_not_usable", "mask", edit.mask, sight(edit.mask))
    first = sight(edit.images[0])
    if isinstance(first, Seen):
        yield from _mask_problems(edit, first.picture, sight)


def _mask_problems(
    edit: Edit, first: Picture, sight: Callable[[str], Sight | None]
) -> Iterator[Problem]:
    if edit.box is not None:
        value = ",".join(map(str, edit.box))
        yield from _flaw("mask_box_not_usable", "mask_box", value, box_flaw(first, edit.box))
    mask = None if edit.mask is None else sight(edit.mask)
    if isinstance(mask, Seen) and edit.mask is not None:
        flaw = _too_heavy(mask, edit.mask_bytes) or mask_flaw(
            mask.picture, first, has_alpha_channel=mask.has_alpha_channel
        )
        yield from _flaw("mask_not_usable", "mask", edit.mask, flaw)


def _too_heavy(mask: Seen, limit: int) -> NotAPicture | None:
    if mask.bytes < limit:
        return None
    fix = f"a mask must be under {limit / 10**6:g} MB; save it smaller, or use mask_box"
    return NotAPicture(f"{mask.bytes:,} bytes; {fix}")


def _flaw(code: str, column: str, value: str, found: Sight | None) -> Iterator[Problem]:
    if isinstance(found, NotAPicture):
        yield Problem(code, found.reason, column=column, value=shown_reference(value))
