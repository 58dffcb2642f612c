"""Catalogs as callers see them: a night asked for, its difference, its versions, their items."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from api.money import Money
from api.native.bodies import Amount, Body, ChecksIn, Moment, Words
from api.native.examples import BATCH_ID, FILE_ID, IMAGE, MORNING, Example, paged, shows
from api.native.examples import NIGHT as EVENING
from api.native.pages import Page
from api.native.views import ImageOut
from darkroom.catalogs.night import Night, Wish
from darkroom.domain.catalog import (
    THRESHOLD,
    Difference,
    ItemState,
    Reuse,
    Standing,
    VersionState,
)
from darkroom.domain.ids import BATCH, shown
from darkroom.store import catalogs
from darkroom.store.catalogs import Catalog, Version
from darkroom.store.session import Connection
from darkroom.store.shelves import Shelved

NIGHT: Example = {"plan_file_id": FILE_ID, "only": ["sku-1"], "budget": "80"}
DIFFERENCE: Example = {
    "new": 1,
    "changed": 2,
    "rejected": 0,
    "unchanged": 797,
    "removed": 0,
    "reused": 1,
    "lacking": 0,
    "calls": 2,
    "expected": "0.01186",
    "bound": "0.01302",
    "busy_seconds": 22.0,
    "samples": [{"sku": "sku-1", "variant": "main", "prompt": "a lighthouse at dusk"}],
}
BEGUN: Example = {"version": 42, "batch_id": BATCH_ID, "difference": DIFFERENCE}
VERSION: Example = {
    "version": 42,
    "state": "published",
    "current": True,
    "batch_id": BATCH_ID,
    "expected": "0.01186",
    "threshold": "0.95",
    "created_at": EVENING,
    "concluded_at": MORNING,
    "published_at": MORNING,
    "counts": {"made": 2, "reused": 1, "kept": 797},
}
ITEM: Example = {
    "sku": "sku-1",
    "variant": "main",
    "state": "made",
    "image": IMAGE,
    "prompt": "a lighthouse at dusk",
    "parameters": {"model": "gpt-image-2", "quality": "low"},
    "cost": "0.00593",
    "request_id": "req_7f3a",
    "batch_id": BATCH_ID,
    "checks": None,
    "failure": None,
}


class NightIn(Body):
    """A plan, and what to do with it."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=shows(NIGHT))

    plan_file_id: StrictStr = Field(description="A JSONL file with a line for each item.")
    reuse: Reuse = Reuse.USE
    only: list[Words] | None = Field(None, description="These SKUs; without it, all.")
    threshold: Annotated[Decimal, Field(ge=0, le=1)] = THRESHOLD
    budget: Amount | None = None
    deadline: Moment | None = None
    checks: ChecksIn | None = None
    focus: Words | None = None

    def wish(self) -> Wish:
        """The same in the words of the verb."""
        only = None if self.only is None else frozenset(self.only)
        checks = self.checks.of_catalog() if self.checks else None
        return Wish(
            self.reuse, only, self.threshold, self.budget, self.deadline, self.focus, checks
        )


class SampleOut(BaseModel):
    """An item that would be made."""

    sku: str
    variant: str
    prompt: str


class DifferenceOut(BaseModel):
    """What a night would do, or does."""

    model_config = ConfigDict(json_schema_extra=shows(DIFFERENCE))

    new: int
    changed: int
    rejected: int = Field(description="Their images were rejected since: made anew.")
    unchanged: int
    removed: int
    reused: int = Field(description="Of these: served by what was bought before.")
    lacking: int = Field(description="Not to be made, as nothing shall be bought.")
    calls: int = Field(description="Images to be bought; items that look alike share one.")
    expected: Money
    bound: Money
    busy_seconds: float = Field(description="As the calls usually take, one after the other.")
    samples: list[SampleOut]

    @classmethod
    def of(cls, found: Difference) -> Self:
        lacking = found.count(ItemState.STALE) + found.count(ItemState.MISSING)
        return cls(
            new=found.count(Standing.NEW),
            changed=found.count(Standing.CHANGED),
            rejected=found.count(Standing.REJECTED),
            unchanged=found.count(Standing.UNCHANGED),
            removed=found.removed,
            reused=found.count(ItemState.REUSED),
            lacking=lacking,
            calls=found.calls,
            expected=found.expected,
            bound=found.bound,
            busy_seconds=found.busy,
            samples=[
                SampleOut(sku=one.sku, variant=one.variant, prompt=one.prompt)
                for one in found.samples
            ],
        )


class NightOut(BaseModel):
    """A night that has begun, or had begun before."""

    model_config = ConfigDict(json_schema_extra=shows(BEGUN))

    version: int
    batch_id: str | None = Field(description="None where nothing has to be made.")
    difference: DifferenceOut | None = Field(description="None where it had begun before.")

    @classmethod
    def of(cls, begun: Night) -> Self:
        return cls(
            version=begun.number,
            batch_id=shown(BATCH, begun.batch_id) if begun.batch_id else None,
            difference=DifferenceOut.of(begun.difference) if begun.difference else None,
        )


class VersionOut(BaseModel):
    """One night of a catalog."""

    model_config = ConfigDict(json_schema_extra=shows(VERSION))

    version: int
    state: VersionState
    current: bool
    batch_id: str | None
    expected: Money
    threshold: Decimal
    created_at: datetime
    concluded_at: datetime | None
    published_at: datetime | None
    counts: dict[ItemState, int]

    @classmethod
    def of(cls, connection: Connection, catalog: Catalog, known: Version) -> Self:
        return cls(
            version=known.number,
            state=known.state,
            current=known.current,
            batch_id=shown(BATCH, known.batch_id) if known.batch_id else None,
            expected=known.expected,
            threshold=known.threshold,
            created_at=known.created_at,
            concluded_at=known.concluded_at,
            published_at=known.published_at,
            counts=catalogs.counts(connection, catalog.id, known.number),
        )


class VersionPage(Page[VersionOut]):
    """Versions, newest first."""

    model_config = ConfigDict(json_schema_extra=paged(VERSION))


class ItemOut(BaseModel):
    """One item with the image that it shows."""

    sku: str
    variant: str
    state: ItemState
    image: ImageOut | None
    prompt: str | None = Field(description="What its image was made of.")
    parameters: dict[str, object] = Field(description="The rest of what the provider was sent.")
    cost: Money | None = Field(description="Of the attempt that brought the image.")
    request_id: str | None
    batch_id: str | None
    checks: str | None = Field(description="Why what was made for it this night is not shown.")
    failure: str | None = Field(description="Why nothing was made for it this night.")

    @classmethod
    def of(cls, one: Shelved) -> Self:
        request = dict(one.request or {})
        return cls(
            sku=one.sku,
            variant=one.variant,
            state=one.state,
            image=ImageOut.of(one.image) if one.image else None,
            prompt=str(request.pop("prompt")) if request else None,
            parameters=request,
            cost=one.cost,
            request_id=one.request_id,
            batch_id=shown(BATCH, one.batch_id) if one.batch_id else None,
            checks="; ".join(map(str, one.flaws)) or None,
            failure=one.failure,
        )


class ItemPage(Page[ItemOut]):
    """Items by SKU and variant."""

    model_config = ConfigDict(json_schema_extra=paged(ITEM))
