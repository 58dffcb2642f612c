"""What a client sends to have pictures edited: a form with the pictures in it, or JSON that names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from starlette.datastructures import FormData, UploadFile

from api.refusals import Invalid
from api.solo import UNKNOWN_PICTURE
from api.submission import REFERENCE_BYTES
from api.uploads import require_size
from darkroom.domain.batchfile import PICTURES_LIMIT

FORM_LIMITS: Mapping[str, int] = {
    "max_files": PICTURES_LIMIT + 1,
    "max_fields": 32,
    "max_part_size": 262_144,
}
"""Every picture and the mask; a prompt as long as any may be."""

_FIELDS = {"image": "images", "image[]": "images", "mask": "mask"}
_PICTURE: Mapping[str, Any] = {"type": "string", "format": "binary"}
_REFERENCE: Mapping[str, Any] = {
    "type": "object",
    "properties": {"file_id": {"type": "string"}, "image_url": {"type": "string"}},
}
_TEXTS: Mapping[str, Any] = {"prompt": {"type": "string"}, "model": {"type": "string"}}
DOCUMENT: Mapping[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["prompt", "image"],
                "properties": {**_TEXTS, "image": _PICTURE, "mask": _PICTURE},
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["prompt", "images"],
                "properties": {
                    **_TEXTS,
                    "images": {"type": "array", "items": _REFERENCE},
                    "mask": _REFERENCE,
                },
            }
        },
    },
}


@dataclass(frozen=True, slots=True)
class EditForm:
    """The fields of a form, and the pictures in it, spooled to disk."""

    fields: Mapping[str, Any]
    images: Sequence[UploadFile]
    masks: Sequence[UploadFile]

    @property
    def pictures(self) -> list[BinaryIO]:
        """The images, and the mask behind them."""
        return [one.file for one in (*self.images, *self.masks)]

    def body(self, references: Sequence[Mapping[str, str]] | None = None) -> dict[str, Any]:
        """The JSON that would have been sent, with these references in place of the pictures.

        Raises:
            Invalid: There is no picture in it.
        """
        named = references or [UNKNOWN_PICTURE] * len(self.pictures)
        images, masks = named[: len(self.images)], named[len(self.images) :]
        found = {"images": list(images), "mask": next(iter(masks), None)}
        body = {**self.fields, **{name: value for name, value in found.items() if value}}
        if not (body.get("images") or body.get("image")):
            detail = "what shall be edited? Send image, or in JSON images"
            raise Invalid.field("image", "missing_required_parameter", detail)
        return body


def read_form(form: FormData) -> EditForm:
    """The pictures and the fields of a form.

    Raises:
        Invalid: A field holds what it cannot hold.
        HTTPException: A picture is too large.
    """
    fields: dict[str, Any] = {}
    pictures: dict[str, list[UploadFile]] = {"images": [], "mask": []}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            pictures[_kind_of(name)].append(_small_enough(value))
        elif name in _FIELDS:
            raise Invalid.field(name, "invalid_type", "must be a file, or be named in JSON")
        else:
            fields[name] = value
    if len(pictures["mask"]) > 1:
        raise Invalid.field("mask", "invalid_value", "there is one for all pictures; send one")
    return EditForm(fields, pictures["images"], pictures["mask"])


def _kind_of(name: str) -> str:
    if name not in _FIELDS:
        raise Invalid.field(name, "parameter_unknown", "takes no file; send image, image[] or mask")
    return _FIELDS[name]


def _small_enough(file: UploadFile) -> UploadFile:
    require_size(file, REFERENCE_BYTES)
    return file
