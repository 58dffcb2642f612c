"""What a version of a catalog shows, with all that a reader of its images may ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, literal, select, tuple_

from darkroom.domain.catalog import ItemState, Key
from darkroom.store.insights import ImageView
from darkroom.store.tables import attempts, catalog_items, images, jobs


@dataclass(frozen=True, slots=True)
class Shelved:
    """One item of a version, its image, and where that came from."""

    sku: str
    variant: str
    state: ItemState
    image: ImageView | None
    job_id: int | None
    """Of the job that brought the image."""
    request: Mapping[str, Any] | None
    cost: Decimal | None
    request_id: str | None
    batch_id: UUID | None


def page(
    connection: Connection, catalog_id: UUID, number: int, limit: int, after: Key = ("", "")
) -> list[Shelved]:
    """Items of a version by SKU and variant, those behind `after`."""
    c, i, a, j = catalog_items.c, images.c, attempts.c, jobs.c
    of_image = and_(i.attempt_id == c.attempt_id, i["index"] == c["index"])
    rows = connection.execute(
        select(
            c.sku,
            c.variant,
            c.state,
            *(i[name].label(f"image_{name}") for name in ImageView.__slots__),
            j.id.label("job_id"),
            j.request,
            a.cost,
            a.request_id,
            i.batch_id,
        )
        .select_from(catalog_items)
        .outerjoin(images, of_image)
        .outerjoin(attempts, a.id == i.attempt_id)
        .outerjoin(jobs, j.id == i.job_id)
        .where(
            c.catalog_id == catalog_id,
            c.version == number,
            tuple_(c.sku, c.variant) > tuple_(*map(literal, after)),
        )
        .order_by(c.sku, c.variant)
        .limit(limit)
    )
    return [
        Shelved(
            sku=row.sku,
            variant=row.variant,
            state=ItemState(row.state),
            image=_image(row) if row.image_attempt_id else None,
            job_id=row.job_id,
            request=row.request,
            cost=row.cost,
            request_id=row.request_id,
            batch_id=row.batch_id,
        )
        for row in rows
    ]


def _image(row: Any) -> ImageView:
    return ImageView(**{name: getattr(row, f"image_{name}") for name in ImageView.__slots__})
