"""Providers: who draws for the caller's project, and whether it can."""

from datetime import datetime
from enum import StrEnum, auto
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Reader, Tools, bearer
from api.errors import documented
from api.instruments import Instruments
from api.native.examples import PROVIDER, paged
from api.route import GuardedRoute
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


class ProviderOut(BaseModel):
    """One provider, and how it stands with it."""

    name: str
    state: ProviderState
    paused_reason: str | None = Field(description="What it said when it was paused.")
    since: datetime | None = Field(description="When it was paused or resumed.")

    @classmethod
    def of(cls, name: str, view: ProviderView | None) -> Self:
        if view is None:
            return cls(name=name, state=ProviderState.READY, paused_reason=None, since=None)
        since = view.paused_at or view.probing_since
        return cls(name=name, state=_state(view), paused_reason=view.paused_reason, since=since)


def _state(view: ProviderView) -> ProviderState:
    if view.paused_reason:
        return ProviderState.PAUSED
    return ProviderState.ON_TRIAL if view.probing_since else ProviderState.READY


class ProviderPage(BaseModel):
    """The providers that the caller's project may ask for, its own first."""

    model_config = ConfigDict(json_schema_extra=paged(PROVIDER))

    data: list[ProviderOut]
    has_more: bool = False


@router.get(
    "",
    operation_id="listProviders",
    summary="List providers",
    responses=documented(401, 403, 503),
)
def list_providers(tools: Tools, caller: Reader) -> ProviderPage:
    """List the providers of the project: ready, paused and why, or on trial."""
    return ProviderPage(data=standings(tools, caller.project_id))


def standings(tools: Instruments, project_id: str) -> list[ProviderOut]:
    """How it stands with each provider that a project may ask for, its own first."""
    with tools.transaction() as connection:
        known = {view.name: view for view in providers.page(connection)}
    return [ProviderOut.of(name, known.get(name)) for name in tools.projects.names(project_id)]
