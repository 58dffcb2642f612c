"""What the columns of a table say about it: a shop's export as it comes, or a table of one's own."""

from collections.abc import Iterable
from dataclasses import dataclass

_SKUS = ("sku", "handle", "id", "custom_id", "item_id", "product_id", "variant sku")
_TITLES = ("title", "name", "product name", "product_name", "product title")
_TYPES = ("type", "product_type", "product type", "category", "product category")
_IMAGES = ("image src", "image_link", "image link", "image", "images", "image_url", "photo")
_SHOPIFY = frozenset({"handle", "title"})


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns that matter, by the names that the table gives them.

    `fold` if one product spans several rows, as Shopify writes its variants and further images.
    """

    sku: str | None
    title: str | None
    type: str | None
    images: tuple[str, ...]
    fold: bool


def shape_of(columns: Iterable[str]) -> Shape:
    """What a table with these columns is.

    >>> shape_of(["Handle", "Title", "Body (HTML)", "Type", "Image Src"])
    Shape(sku='Handle', title='Title', type='Type', images=('Image Src',), fold=True)
    >>> shape_of(["id", "title", "image_link", "item_group_id"])
    Shape(sku='id', title='title', type=None, images=('image_link',), fold=False)
    """
    names = {name.strip().lower(): name for name in reversed([*columns])}
    shopify = names.keys() >= _SHOPIFY

    def first(known: Iterable[str]) -> str | None:
        return next((names[name] for name in known if name in names), None)

    return Shape(
        sku=names["handle"] if shopify else first(_SKUS),
        title=first(_TITLES),
        type=first(_TYPES),
        images=tuple(names[name] for name in _IMAGES if name in names),
        fold=shopify,
    )
