"""The list of batches with the form for a new one, and the page of each."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from api import control, settling
from api.deps import Tools
from api.names import batch_cursor, batch_key
from api.web import orders
from api.web.filters import Asked, chunk
from api.web.gallery import family_of
from api.web.orders import Order
from api.web.pages import page, wants_fragment
from api.web.route import PageRoute, UploadPageRoute
from api.web.visitor import Reading, Submitting
from api.web.watching import batch_shown, batches_shown
from darkroom.domain.batch import PausedReason
from darkroom.domain.ids import BATCH, shown
from darkroom.domain.invoice import Verdict
from darkroom.store import retries

FIELDS = 24
FIELD_BYTES = 4_000_000
JOBS = 50

router = APIRouter(route_class=PageRoute, include_in_schema=False)
making = APIRouter(route_class=UploadPageRoute, include_in_schema=False)


async def _order(request: Request, _: Submitting) -> AsyncIterator[Order]:
    limits = {"max_files": 1, "max_fields": FIELDS, "max_part_size": FIELD_BYTES}
    async with request.form(**limits) as form:
        yield Order.of(form)


Ordered = Annotated[Order, Depends(_order)]


@router.get("/")
def list_batches(
    request: Request, tools: Tools, visitor: Reading, after: str | None = None
) -> Response:
    """Show the batches, and the form for a new one."""
    with tools.transaction() as connection:
        found = batches_shown(connection, visitor.project_id, batch_cursor(after))
    return page(
        request, "batches.html", shown=found, first=after is None, order=Order(), checked=None,
        models=tools.models_of(visitor.project_id), nonce=token_urlsafe(12),
    )  # fmt: skip


@making.post("/batches/check")
def check(request: Request, tools: Tools, visitor: Submitting, order: Ordered) -> Response:
    """Say what is wrong with a list, show the first prompts, and name the price."""
    checked = orders.check(tools, visitor.project_id, order)
    nonce = token_urlsafe(12)
    if wants_fragment(request):
        return page(request, "checked.html", checked=checked, nonce=nonce)
    with tools.transaction() as connection:
        found = batches_shown(connection, visitor.project_id)
    return page(
        request, "batches.html", shown=found, first=True, order=order, checked=checked,
        models=tools.models_of(visitor.project_id), nonce=nonce,
    )  # fmt: skip


@making.post("/batches")
def submit(tools: Tools, visitor: Submitting, order: Ordered) -> Response:
    """Make the batch, and go to its page."""
    return _to_batch(shown(BATCH, orders.place(tools, visitor.project_id, order)))


@router.get("/batches/{batch_id}")
def show(
    request: Request,
    tools: Tools,
    visitor: Reading,
    batch_id: str,
    asked: Annotated[Asked, Query()],
) -> Response:
    """Show a batch: how far it is, what failed, and its jobs."""
    key = batch_key(batch_id)
    with tools.transaction() as connection:
        if wants_fragment(request):
            family = family_of(connection, visitor.project_id, batch_id)
            found = chunk(connection, family, asked, JOBS)
            return page(request, "jobs_chunk.html", batch_id=key, asked=asked, chunk=found)
        batch = batch_shown(connection, visitor.project_id, key)
        found = chunk(connection, [key, *batch.view.retries], asked, JOBS)
    return page(
        request, "batch.html", shown=batch, batch_id=key, asked=asked, chunk=found,
        may_control=visitor.may_control,
    )  # fmt: skip


@router.post("/batches/{batch_id}/pause")
def pause(tools: Tools, visitor: Submitting, batch_id: str) -> Response:
    """Pause it."""
    with tools.transaction() as connection:
        control.pause(connection, visitor.project_id, batch_key(batch_id), PausedReason.REQUESTED)
    return _to_batch(batch_id)


@router.post("/batches/{batch_id}/resume")
def resume(
    tools: Tools, visitor: Submitting, batch_id: str, budget: Annotated[str, Form()] = ""
) -> Response:
    """Let it go on, under a new budget if one is given."""
    with tools.transaction() as connection:
        cap = orders.dollars(budget)
        control.resume(connection, visitor.caller, batch_key(batch_id), cap)
    return _to_batch(batch_id)


@router.post("/batches/{batch_id}/cancel")
def cancel(tools: Tools, visitor: Submitting, batch_id: str) -> Response:
    """Cancel it."""
    with tools.transaction() as connection:
        control.cancel(connection, visitor.project_id, batch_key(batch_id))
    return _to_batch(batch_id)


@router.post("/batches/{batch_id}/retry")
def retry(
    tools: Tools, visitor: Submitting, batch_id: str, only: Annotated[str, Form()] = ""
) -> Response:
    """Try again what failed, or one class of it; its page shows both as one."""
    key = batch_key(batch_id)
    with tools.transaction() as connection:
        control.retry(connection, visitor.project_id, key, [only] if only else None)
        first = retries.family_root(connection, key)
    return _to_batch(shown(BATCH, first))


@router.post("/batches/{batch_id}/settle")
def settle(
    tools: Tools, visitor: Submitting, batch_id: str, outcome: Annotated[Verdict, Form()]
) -> Response:
    """Write down what the invoice says of all its calls whose outcome nobody knows."""
    with tools.transaction() as connection:
        settling.settle_all(connection, visitor.caller, batch_key(batch_id), outcome)
    return _to_batch(batch_id)


def _to_batch(batch_id: str) -> Response:
    return RedirectResponse(f"/batches/{batch_id}", HTTPStatus.SEE_OTHER)
