"""Webhooks: who is told what happens, and what became of it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.deps import Reader, Submitter, Tools, bearer
from api.errors import documented
from api.fresh import fresh_id, fresh_webhook_secret
from api.names import DELIVERY, delivery_cursor, delivery_key, webhook_key
from api.native.bodies import Body, Words
from api.native.examples import paged, shows
from api.native.pages import Page, PageQuery
from api.refusals import Conflict, Missing
from api.route import GuardedRoute
from darkroom.domain.event import DeliveryState, EventType
from darkroom.domain.ids import EVENT, WEBHOOK, shown
from darkroom.store import webhooks
from darkroom.store.session import Transaction
from darkroom.store.webhooks import Delivery, Endpoint

ENDPOINTS_LIMIT = 20
_NIGHT = "2026-11-22T22:00:00Z"
_ENDPOINT = {
    "id": "wh_019ab2c34d5e7f00a1b2c3d4e5f60009",
    "url": "https://shop.example/hooks",
    "events": ["batch.completed", "batch.paused"],
    "created_at": _NIGHT,
    "failing_since": None,
    "disabled_at": None,
    "disabled_reason": None,
}
_DELIVERY = {
    "id": "whd_12",
    "event_id": "evt_019ab2c34d5e7f00a1b2c3d4e5f6000a",
    "type": "batch.completed",
    "state": "delivered",
    "tries": 1,
    "created_at": _NIGHT,
    "due_at": _NIGHT,
    "ended_at": _NIGHT,
    "status": 200,
    "trouble": None,
}

router = APIRouter(
    prefix="/webhooks", tags=["webhooks"], route_class=GuardedRoute, dependencies=[bearer]
)


class WebhookIn(Body):
    """Whom to tell, and of what."""

    model_config = ConfigDict(json_schema_extra=shows({"url": "https://shop.example/hooks"}))

    url: Annotated[Words, StringConstraints(pattern="^https?://.+$")] = Field(
        description="Where events are sent to; it must lead to a public address."
    )
    events: Annotated[list[EventType], Field(min_length=1, max_length=len(EventType))] = Field(
        default=list(EventType), description="Without it: all."
    )


class WebhookOut(BaseModel):
    """Who is told; never the secret."""

    model_config = ConfigDict(json_schema_extra=shows(_ENDPOINT))

    id: str
    url: str
    events: list[EventType]
    created_at: datetime
    failing_since: datetime | None = Field(description="Nothing has come through since then.")
    disabled_at: datetime | None
    disabled_reason: str | None

    @classmethod
    def of(cls, known: Endpoint, **more: str) -> Self:
        return cls(
            id=shown(WEBHOOK, known.id),
            url=known.url,
            events=[EventType(one) for one in known.events],
            created_at=known.created_at,
            failing_since=known.failing_since,
            disabled_at=known.disabled_at,
            disabled_reason=known.disabled_reason,
            **more,
        )


class WebhookMade(WebhookOut):
    """A new endpoint with its secret, shown this once."""

    model_config = ConfigDict(json_schema_extra=shows({**_ENDPOINT, "secret": "whsec_Zk3vQ9x…"}))

    secret: str


class WebhookPage(Page[WebhookOut]):
    """Endpoints of the project, the oldest first."""

    model_config = ConfigDict(json_schema_extra=paged(_ENDPOINT))


class DeliveryOut(BaseModel):
    """One event on its way to one endpoint."""

    model_config = ConfigDict(json_schema_extra=shows(_DELIVERY))

    id: str
    event_id: str
    type: EventType
    state: DeliveryState
    tries: int
    created_at: datetime
    due_at: datetime = Field(description="When it is sent next, while it is pending.")
    ended_at: datetime | None
    status: int | None = Field(description="The HTTP status of the last answer.")
    trouble: str | None = Field(description="Why the last try failed.")

    @classmethod
    def of(cls, known: Delivery) -> Self:
        fields = {name: getattr(known, name) for name in known.__slots__}
        ids = {"id": shown(DELIVERY, known.id), "event_id": shown(EVENT, known.event_id)}
        return cls(**{**fields, **ids})


class DeliveryPage(Page[DeliveryOut]):
    """Some of an endpoint's deliveries, the latest first."""

    model_config = ConfigDict(json_schema_extra=paged(_DELIVERY))


@router.post(
    "",
    operation_id="createWebhook",
    summary="Register a webhook",
    status_code=HTTPStatus.CREATED,
    responses=documented(400, 401, 403, 408, 409, 422, 503),
)
def make(tools: Tools, caller: Submitter, body: WebhookIn) -> WebhookMade:
    """Register an endpoint; the secret that its events are signed with is shown in this answer only."""
    secret, wanted = fresh_webhook_secret(), list(dict.fromkeys(body.events))
    with tools.transaction() as connection:
        if len(webhooks.page(connection, caller.project_id)) >= ENDPOINTS_LIMIT:
            detail = f"there are {ENDPOINTS_LIMIT} webhooks; delete one first"
            raise Conflict("too_many_webhooks", detail)
        made = webhooks.add(
            connection,
            fresh_id(),
            caller.project_id,
            url=body.url,
            secret=secret,
            wanted=[one.value for one in wanted],
        )
    return WebhookMade.of(made, secret=secret)


@router.get(
    "",
    operation_id="listWebhooks",
    summary="List webhooks",
    responses=documented(401, 403, 422, 503),
)
def list_webhooks(
    tools: Tools, caller: Reader, asked: Annotated[PageQuery, Query()]
) -> WebhookPage:
    """List the project's endpoints, the disabled too, and why they are."""
    with tools.transaction() as connection:
        found = webhooks.page(connection, caller.project_id)
    return WebhookPage.cut([WebhookOut.of(one) for one in found], asked, lambda one: one.id)


@router.delete(
    "/{webhook_id}",
    operation_id="deleteWebhook",
    summary="Delete a webhook",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(401, 403, 404, 422, 503),
)
def delete(tools: Tools, caller: Submitter, webhook_id: str) -> None:
    """Delete an endpoint, and what was on its way to it."""
    with tools.transaction() as connection:
        if not webhooks.remove(connection, caller.project_id, webhook_key(webhook_id)):
            raise Missing("webhook", webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="listDeliveries",
    summary="List a webhook's deliveries",
    responses=documented(401, 403, 404, 422, 503),
)
def list_deliveries(
    tools: Tools, caller: Reader, webhook_id: str, asked: Annotated[PageQuery, Query()]
) -> DeliveryPage:
    """List what an endpoint was told or is still to be told, the latest first."""
    before = delivery_cursor(asked.after)
    with tools.transaction() as connection:
        endpoint = _owned(connection, caller.project_id, webhook_id)
        found = webhooks.deliveries(connection, endpoint.id, limit=asked.limit + 1, before=before)
    return DeliveryPage.of([DeliveryOut.of(one) for one in found], asked.limit, lambda one: one.id)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    operation_id="redeliver",
    summary="Deliver an event again",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented(401, 403, 404, 422, 503),
)
def redeliver(tools: Tools, caller: Submitter, webhook_id: str, delivery_id: str) -> WebhookOut:
    """Deliver an event again, under the same id; an endpoint that was disabled is enabled by it."""
    with tools.transaction() as connection:
        endpoint = _owned(connection, caller.project_id, webhook_id)
        if not webhooks.redeliver(connection, endpoint.id, delivery_key(delivery_id)):
            raise Missing("delivery", delivery_id)
        return WebhookOut.of(_owned(connection, caller.project_id, webhook_id))


def _owned(connection: Transaction, project_id: str, webhook_id: str) -> Endpoint:
    endpoint = webhooks.find(connection, project_id, webhook_key(webhook_id))
    if endpoint is None:
        raise Missing("webhook", webhook_id)
    return endpoint
