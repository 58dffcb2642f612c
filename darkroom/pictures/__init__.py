"""Untrusted image bytes: what they are, whether they are whole, and a small view of them."""

from darkroom.pictures.data_urls import decoded
from darkroom.pictures.fitting import Seen, Sight, fitting, look
from darkroom.pictures.formats import (
    EXTENSIONS,
    MEDIA_TYPES,
    PIXEL_LIMIT,
    NotAPicture,
    Picture,
    PictureFormat,
    extension,
    media_type,
)
from darkroom.pictures.glances import Glances
from darkroom.pictures.inspection import inspect, kind_of
from darkroom.pictures.likeness import Likeness, likeness
from darkroom.pictures.masks import mask_of_box
from darkroom.pictures.references import check_mask, check_reference
from darkroom.pictures.thumbnails import thumbnail

__all__ = [
    "EXTENSIONS",
    "MEDIA_TYPES",
    "PIXEL_LIMIT",
    "Glances",
    "Likeness",
    "NotAPicture",
    "Picture",
    "PictureFormat",
    "Seen",
    "Sight",
    "check_mask",
    "check_reference",
    "decoded",
    "extension",
    "fitting",
    "inspect",
    "kind_of",
    "likeness",
    "look",
    "mask_of_box",
    "media_type",
    "thumbnail",
]
