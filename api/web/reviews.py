"""Review by eye: drafts approved and rejected one by one or the rest at once, and promoted for their price."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from api import control, promotion, reviews
from api.deps import Tools
from api.names import batch_key, job_key
from api.promotion import Offer
from api.refusals import Missing
from api.reviews import Rule
from api.web.orders import dollars
from api.web.pages import page, wants_fragment
from api.web.route import PageRoute
from api.web.visitor import Reading, Submitting
from darkroom.domain.ids import BATCH, JOB, shown
from darkroom.domain.review import Judgement, Target
from darkroom.store import insights
from darkroom.store.insights import BatchView

FEW = 500
"""So many approved drafts are priced anew with every judgement; of more the price is asked for."""

FINALS = ("medium", "high")

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post("/jobs/{job_id}/review")
def judge(
    request: Request,
    tools: Tools,
    visitor: Submitting,
    job_id: str,
    verdict: Annotated[Judgement, Form()],
) -> Response:
    """Approve or reject what a job has made."""
    with tools.transaction() as connection:
        job = insights.job(connection, visitor.project_id, job_key(job_id))
    if job is None:
        raise Missing("job", job_id)
    done = reviews.review(tools, visitor.project_id, job.batch_id, {verdict: [job.custom_id]})
    if not wants_fragment(request):
        return RedirectResponse(f"/jobs/{shown(JOB, job.id)}", HTTPStatus.SEE_OTHER)
    told = _told(tools, visitor.project_id, done.batch)
    return page(request, "judgement.html", job=job, judgement=verdict, told=told, may_control=True)


def _told(tools: Tools, project_id: str, batch: BatchView) -> tuple[BatchView, Offer | None]:
    """How the review stands, and what its finals would cost at their best."""
    few = 0 < batch.approved <= FEW
    target = Target(FINALS[-1])
    return batch, promotion.offer(tools, project_id, batch.id, target) if few else None


@router.post("/batches/{batch_id}/review")
def judge_the_rest(
    tools: Tools, visitor: Submitting, batch_id: str, verdict: Annotated[Judgement, Form()]
) -> Response:
    """Approve or reject everything that nobody has judged."""
    reviews.review(tools, visitor.project_id, batch_key(batch_id), {verdict: Rule()})
    return RedirectResponse(f"/batches/{batch_id}", HTTPStatus.SEE_OTHER)


@router.get("/batches/{batch_id}/promote")
def price(
    request: Request,
    tools: Tools,
    visitor: Reading,
    batch_id: str,
    quality: Annotated[str, Query(max_length=20)] = FINALS[-1],
) -> Response:
    """Show what finals of this quality would cost, before anything is made."""
    key = batch_key(batch_id)
    with tools.transaction() as connection:
        view = control.owned_batch(connection, visitor.project_id, key)
    found = promotion.offer(tools, visitor.project_id, key, Target(quality))
    return page(
        request, "promote.html", view=view, offer=found, quality=quality, finals=FINALS,
        may_control=visitor.may_control,
    )  # fmt: skip


@router.post("/batches/{batch_id}/promote")
def promote(
    tools: Tools,
    visitor: Submitting,
    batch_id: str,
    quality: Annotated[str, Form(max_length=20)],
    budget: Annotated[str, Form()] = "",
) -> Response:
    """Make the finals of what is approved, and go to their page."""
    made = promotion.promote(
        tools, visitor.project_id, batch_key(batch_id), Target(quality), budget=dollars(budget)
    )
    return RedirectResponse(f"/batches/{shown(BATCH, made.id)}", HTTPStatus.SEE_OTHER)
