"""What a version of a catalog shows, with all that a reader of its images may ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    FromClause,
    ScalarSelect,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from darkroom.domain.catalog import ItemState, Key
from darkroom.domain.checking import Finding
from darkroom.domain.job import JobState
from darkroom.store.insights import ImageView
from darkroom.store.tables import (
    attempts,
    batches,
    catalog_items,
    catalog_orders,
    catalog_versions,
    images,
    jobs,
    looks,
)

_BEHIND = (ItemState.STALE, ItemState.MISSING)


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
    flaws: tuple[Finding, ...] = ()
    """Why the image that was made for it this night is not shown."""
    failure: str | None = None
    """Why none was made for it this night."""


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
            case((c.state.in_(_BEHIND), _flaws())).label("flaws"),
            case((c.state.in_(_BEHIND), _failure())).label("failure"),
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
            flaws=tuple(map(Finding.of, row.flaws or ())),
            failure=row.failure,
        )
        for row in rows
    ]


def _flaws() -> ScalarSelect[Any]:
    """What was found wrong with the latest image that was made of an item's order in its version's night."""
    k, picture, job = looks.c, images.alias("picture"), jobs.alias("job")
    return (
        _ordered(select(k.findings), job)
        .join(picture, picture.c.job_id == job.c.id)
        .join(looks, and_(k.attempt_id == picture.c.attempt_id, k["index"] == picture.c["index"]))
        .order_by(k.created_at.desc())
        .limit(1)
        .correlate(catalog_items)
        .scalar_subquery()
    )


def _failure() -> ScalarSelect[Any]:
    """How the latest job of an item's order in its version's night ended without an image."""
    job = jobs.alias("job")
    said = job.c.failure["class"].astext + ": " + job.c.failure["message"].astext
    ended = case((job.c.state.in_((JobState.EXPIRED, JobState.CANCELLED)), job.c.state))
    return (
        _ordered(select(func.coalesce(said, ended)), job)
        .where(job.c.superseded_by.is_(None), job.c.state != JobState.SUCCEEDED)
        .limit(1)
        .correlate(catalog_items)
        .scalar_subquery()
    )


def _ordered(query: Select[Any], job: FromClause) -> Select[Any]:
    """Of the jobs that were to bring an item its image in its version's night, retries among them."""
    c, v, o, batch = catalog_items.c, catalog_versions.c, catalog_orders.c, batches
    return (
        query.select_from(catalog_versions)
        .join(catalog_orders, and_(o.batch_id == v.batch_id, o.fingerprint == c.fingerprint))
        .join(batch, or_(batch.c.id == o.batch_id, batch.c.retry_of == o.batch_id))
        .join(job, and_(job.c.batch_id == batch.c.id, job.c.custom_id == o.custom_id))
        .where(v.catalog_id == c.catalog_id, v.number == c.version)
    )


def _image(row: Any) -> ImageView:
    return ImageView(**{name: getattr(row, f"image_{name}") for name in ImageView.__slots__})
