"""Providers: who draws for the caller's project, and whether it can."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Admin, Reader, Tools, bearer
from api.errors import documented
from api.instruments import Instruments
from api.native.examples import PROVIDER, paged, shows
from api.native.pages import Page, PageQuery
from api.refusals import Conflict, Missing
from api.route import GuardedRoute
from darkroom.domain.limit import Limits
from darkroom.limits import Known, Limiter, LimiterAway, Memory
from darkroom.store import limits as learned
from darkroom.store import providers
from darkroom.store.providers import ProviderView

router = APIRouter(
    prefix="/providers", tags=["providers"], route_class=GuardedRoute, dependencies=[bearer]
)


class ProviderState(StrEnum):
    """How it stands with a provider."""

    READY = auto()
    PAUSED = auto()
    """Its key, quota or access was refused: a person must act."""
    ON_TRIAL = auto()
    """It was resumed: one call at a time goes out until one has brought an image."""


class FamilyOut(BaseModel):
    """What a provider lets through of one family of models."""

    family: str
    per_minute: dict[str, float] = Field(
        description="The most in a minute of `requests`, `images`, `tokens` and `input_images`, set or"
        " learned; `pace`: the images that darkroom allows itself."
    )
    learned: dict[str, float] = Field(
        description="What answers have taught: a limit that is set stays the most, this may lower it."
    )
    cooling_seconds: float = Field(description="How long nothing of it is sent.")


class LimiterOut(BaseModel):
    """What may be sent to a provider now, all workers together."""

    in_flight: int
    most_in_flight: int
    trouble: bool = Field(
        description="It is out of reach or out of order: one call at a time tries."
    )
    next_try_seconds: float | None = Field(description="Until one does.")
    families: list[FamilyOut] = Field(description="Those that something is known of.")

    @classmethod
    def of(cls, limits: Limits, known: Mapping[str, Known]) -> Self:
        key = next(iter(known.values()))
        families = [_family(name, one, limits) for name, one in known.items()]
        return cls(
            in_flight=key.in_flight,
            most_in_flight=limits.in_flight,
            trouble=key.circuit is not None,
            next_try_seconds=None if key.circuit is None else key.circuit.total_seconds(),
            families=[one for one in families if one.per_minute or one.cooling_seconds],
        )


def _family(name: str, known: Known, limits: Limits) -> FamilyOut:
    return FamilyOut(
        family=name,
        per_minute=known.admitted(limits.of(name)),
        learned={str(one): float(limit) for one, limit in known.limits.items()},
        cooling_seconds=known.cooling.total_seconds(),
    )


class ProviderOut(BaseModel):
    """One provider, and how it stands with it."""

    model_config = ConfigDict(json_schema_extra=shows(PROVIDER))

    name: str
    state: ProviderState
    paused_reason: str | None = Field(description="What it said when it was paused.")
    since: datetime | None = Field(description="When it was paused or resumed.")
    limiter: LimiterOut | None = Field(description="None where the limiter cannot be reached.")

    @classmethod
    def of(cls, name: str, view: ProviderView | None, limiter: LimiterOut | None) -> Self:
        return cls(
            name=name,
            state=_state(view),
            paused_reason=view.paused_reason if view else None,
            since=(view.paused_at or view.probing_since) if view else None,
            limiter=limiter,
        )


def _state(view: ProviderView | None) -> ProviderState:
    if view is None:
        return ProviderState.READY
    if view.paused_reason:
        return ProviderState.PAUSED
    return ProviderState.ON_TRIAL if view.probing_since else ProviderState.READY


class ProviderPage(Page[ProviderOut]):
    """The providers that the caller's project may ask for, its own first."""

    model_config = ConfigDict(json_schema_extra=paged(PROVIDER))


@router.get(
    "",
    operation_id="listProviders",
    summary="List providers",
    responses=documented(401, 403, 422, 503),
)
def list_providers(
    tools: Tools, caller: Reader, asked: Annotated[PageQuery, Query()]
) -> ProviderPage:
    """List the providers of the project: ready, paused and why, or on trial; and what may be sent to each."""
    return ProviderPage.cut(standings(tools, caller.project_id), asked, lambda one: one.name)


@router.post(
    "/{name}/forget",
    operation_id="forgetLimits",
    summary="Forget what was learned of a provider's limits",
    responses=documented(401, 403, 404, 409, 422, 503),
)
def forget(tools: Tools, caller: Admin, name: str) -> ProviderOut:
    """Forget the limits that answers have taught, as after the account's were raised.

    Limits that are set hold as they are; where none is, they are searched for anew.
    """
    if name not in tools.projects.names(caller.project_id):
        raise Missing("provider", name)
    limiter = _asked(tools, caller.project_id, name)
    try:
        if limiter:
            limiter.forget(*tools.models_of(caller.project_id, name).families)
    except LimiterAway:
        detail = "the limiter cannot be reached, and would not forget; try again when Redis answers"
        raise Conflict("limiter_away", detail) from None
    with tools.transaction() as connection:
        learned.forget(connection, name)
    return next(one for one in standings(tools, caller.project_id) if one.name == name)


def standings(tools: Instruments, project_id: str) -> list[ProviderOut]:
    """How it stands with each provider that a project may ask for, its own first."""
    with tools.transaction() as connection:
        known = {view.name: view for view in providers.page(connection)}
    names = tools.projects.names(project_id)
    limiters = dict(_limiters(tools, project_id, names))
    return [ProviderOut.of(name, known.get(name), limiters.get(name)) for name in names]


def _asked(tools: Instruments, project_id: str, name: str) -> Limiter | None:
    """The limiter that the workers ask; it is asked for no permit."""
    limits = tools.models_of(project_id, name).limits
    if tools.broker is None or limits is None:
        return None
    return Limiter(tools.broker, name, limits, lambda _: Memory())


def _limiters(
    tools: Instruments, project_id: str, names: Iterable[str]
) -> Iterator[tuple[str, LimiterOut]]:
    """What each lets through; they stand in one Redis, and what does not answer once is not asked again."""
    for name in names:
        if limiter := _asked(tools, project_id, name):
            families = tools.models_of(project_id, name).families
            try:
                yield name, LimiterOut.of(limiter.limits, limiter.known_of(families))
            except LimiterAway:
                return
