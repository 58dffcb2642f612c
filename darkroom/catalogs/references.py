"""The pictures that a plan's rows name: known by what they show, and never by what they are called."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from darkroom.domain.problem import Problem
from darkroom.domain.reference import COLUMNS, Edit, Place, place_of, read_edit
from darkroom.domain.request import blank

Contents = Callable[[Collection[str]], Mapping[str, str]]
"""The sha256 of each of these file ids that is a file of the project."""


def edit_of(row: Mapping[str, object]) -> Edit | None:
    """The pictures of a row; None if it names none, or what it says about them cannot be read."""
    found = read_edit({name: row[name] for name in COLUMNS if not blank(row.get(name))})
    return found if isinstance(found, Edit) else None


def placed(row: Mapping[str, Any], ids: Mapping[str, str]) -> Mapping[str, Any]:
    """The row with the file id of each path in the path's place.

    >>> shoe = "file-0199aaaabbbbccccddddeeeeffff0000"
    >>> placed({"prompt": "a shoe", "image": "shoe.png|https://cdn.example/1.jpg"}, {"shoe.png": shoe})
    {'prompt': 'a shoe', 'images': ['file-0199aaaabbbbccccddddeeeeffff0000', 'https://cdn.example/1.jpg']}
    """
    edit = edit_of(row)
    if edit is None or ids.keys().isdisjoint(edit.references):
        return row
    rest = {name: value for name, value in row.items() if name not in {"image", "images", "mask"}}
    mask = {} if edit.mask is None else {"mask": ids.get(edit.mask, edit.mask)}
    return rest | {"images": [ids.get(one, one) for one in edit.images]} | mask


def by_content(edit: Edit, contents: Mapping[str, str]) -> Edit:
    """The edit on pictures by their sha256; a URL is known by its text, for nobody has looked behind it.

    >>> by_content(Edit(("data:image/png;base64,iVBORw==", "https://cdn.example/1.jpg")), {}).images
    ('0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543', 'https://cdn.example/1.jpg')
    """
    mask = None if edit.mask is None else _content(edit.mask, contents)
    return replace(edit, images=tuple(_content(one, contents) for one in edit.images), mask=mask)


def _content(reference: str, contents: Mapping[str, str]) -> str:
    if place_of(reference) is not Place.DATA:
        return contents.get(reference, reference)
    try:
        data = base64.b64decode(reference.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        return reference
    return hashlib.sha256(data).hexdigest()


def unknown(edit: Edit, contents: Mapping[str, str]) -> Iterator[Problem]:
    """The files of an edit that are no files of the project."""
    for one in edit.references:
        if place_of(one) is Place.FILE and one not in contents:
            message = "there is no such file; write the path of the picture, or upload it again"
            column = "mask" if one == edit.mask else edit.column
            yield Problem("file_missing", message, column=column, value=one)
