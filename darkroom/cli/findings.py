"""What checks say against images, as the API tells it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping


def by_image(told: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """In words, by the image's id.

    >>> by_image([{"image_id": "img_1", "check": "blank", "reason": "one even surface"}])
    {'img_1': 'blank: one even surface'}
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in told:
        found[one["image_id"]].append(f"{one['check']}: {one['reason']}")
    return {image_id: "; ".join(said) for image_id, said in found.items()}
