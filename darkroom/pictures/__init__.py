"""Untrusted image bytes: what they are, whether they are whole, and a small view of them."""

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
from darkroom.pictures.inspection import inspect
from darkroom.pictures.thumbnails import thumbnail

__all__ = [
    "EXTENSIONS",
    "MEDIA_TYPES",
    "PIXEL_LIMIT",
    "NotAPicture",
    "Picture",
    "PictureFormat",
    "extension",
    "inspect",
    "media_type",
    "thumbnail",
]
