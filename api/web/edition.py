"""Stylesheet, scripts and icons, read once; an edition is all of them together."""

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from types import MappingProxyType


@cache
def assets() -> Mapping[str, bytes]:
    """Every static file by its name."""
    folder = files("api.web").joinpath("static")
    found = {asset.name: asset.read_bytes() for asset in folder.iterdir() if asset.is_file()}
    return MappingProxyType(dict(sorted(found.items())))


@cache
def edition() -> str:
    """What this content is known by; another content is another edition."""
    return blake2b(b"".join(assets().values()), digest_size=6).hexdigest()
