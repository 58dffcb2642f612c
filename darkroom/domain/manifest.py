"""The manifest: what a row says of an image, wherever one is written."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol


class Maker(Protocol):
    """The job that brought an image."""

    @property
    def custom_id(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def request(self) -> Mapping[str, Any]: ...
    @property
    def cost(self) -> Decimal: ...
    @property
    def request_id(self) -> str | None: ...


class Image(Protocol):
    """What is stored."""

    @property
    def sha256(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def format(self) -> str: ...


def columns(name: str) -> tuple[str, ...]:
    """The columns of a manifest; `name` is the one that says which image a row is about.

    >>> columns("file")[:3]
    ('custom_id', 'file', 'index')
    """
    about = ("custom_id", name, "index", "sha256", "bytes", "width", "height", "format")
    asked = ("model", "quality", "size", "prompt")
    return (*about, *asked, "cost_usd", "request_id", "batch_id", "line")


def row(job: Maker, index: int, image: Image, name: str, batch_id: str) -> tuple[object, ...]:
    """An image's row; what its job has cost stands in that of its first, so that the column adds up."""
    asked = (job.request.get(one) for one in ("model", "quality", "size", "prompt"))
    stored = (image.sha256, image.bytes, image.width, image.height, image.format)
    billed = (job.cost if index == 1 else "", job.request_id)
    return (job.custom_id, name, index, *stored, *asked, *billed, batch_id, job.line)
