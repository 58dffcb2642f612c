"""Drafts, reviewed and promoted."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from api import promotion, reviews
from api.deps import Submitter, Tools, bearer
from api.errors import documented
from api.money import Money
from api.names import batch_key
from api.native.batches import announced
from api.native.bodies import Amount, Body, CustomId, Words
from api.native.examples import OFFER, REVIEW, shows
from api.native.views import BatchOut, ProblemOut
from api.promotion import Offer
from api.reviews import Choice, Reviewed, Rule
from api.route import GuardedRoute
from darkroom.domain import ids
from darkroom.domain.ids import shown
from darkroom.domain.review import Judgement, Target

NAMES_LIMIT = 10_000

router = APIRouter(
    prefix="/batches/{batch_id}", tags=["reviews"], route_class=GuardedRoute, dependencies=[bearer]
)


class RuleIn(Body):
    """Everything that nobody has judged yet."""

    match: CustomId = Field("*", description="Of the custom_id: `*` is anything, `?` a character.")
    besides: list[CustomId] = Field(default=[], max_length=NAMES_LIMIT, alias="except")

    def rule(self) -> Rule:
        """The same in the words of the verb."""
        return Rule(self.match, frozenset(self.besides))


Chosen = Annotated[list[CustomId], Field(max_length=NAMES_LIMIT)] | RuleIn


class ReviewIn(Body):
    """What is approved and what is rejected: custom_ids, or a rule for the rest."""

    model_config = ConfigDict(json_schema_extra=shows({"reject": ["sku-7"], "approve": {}}))

    approve: Chosen = Field(default=[])
    reject: Chosen = Field(default=[])

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.approve == [] and self.reject == []:
            raise ValueError("give approve or reject")
        return self

    def choices(self) -> dict[Judgement, Choice]:
        """Rejections come first: what is named in them no rule approves."""
        given = {Judgement.REJECTED: self.reject, Judgement.APPROVED: self.approve}
        return {
            verdict: one.rule() if isinstance(one, RuleIn) else one
            for verdict, one in given.items()
        }


class ReviewOut(BaseModel):
    """How a batch's drafts stand."""

    model_config = ConfigDict(json_schema_extra=shows(REVIEW))

    batch_id: str
    approved: int
    rejected: int
    undecided: int = Field(description="Jobs with images that nobody has judged.")
    changed: int = Field(description="Jobs of which this review said something new.")
    recalled: int = Field(description="Finals of rejected drafts, called off before their call.")

    @classmethod
    def of(cls, done: Reviewed) -> Self:
        view = done.batch
        return cls(
            batch_id=shown(ids.BATCH, view.id),
            approved=view.approved,
            rejected=view.rejected,
            undecided=view.counts.succeeded - view.approved - view.rejected,
            changed=done.decided.changed,
            recalled=done.decided.recalled,
        )


class TargetIn(Body):
    """What approved drafts are promoted to; what is not said stays as the draft has it."""

    model_config = ConfigDict(json_schema_extra=shows({"quality": "high"}))

    quality: Words | None = None
    size: Words | None = None
    reference: StrictBool = Field(
        default=False, description="Draw it as an edit with the draft as its first picture."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.quality is None and self.size is None:
            raise ValueError("give quality or size: the same again is no promotion")
        return self

    def target(self) -> Target:
        """The same in the words of the verb."""
        return Target(self.quality, self.size, self.reference)


class PromoteIn(TargetIn):
    """A promotion to be."""

    model_config = ConfigDict(json_schema_extra=shows({"quality": "high", "budget": "20"}))

    budget: Amount | None = Field(None, description="The most it may cost, in US dollars.")
    name: Words | None = None


class OfferOut(BaseModel):
    """What a promotion would make and cost."""

    model_config = ConfigDict(json_schema_extra=shows(OFFER))

    calls: int
    images: int
    low: Money = Field(
        description="Less than `high` where a reference or the model leaves it open."
    )
    high: Money
    bound: Money = Field(description="What will be reserved: more than it can cost.")
    currency: str = "usd"
    seconds: float | None = Field(description="At the configured limits and usual latencies.")
    problems: list[ProblemOut] = Field(description="Why some drafts cannot be drawn like this.")
    more_problems: int

    @classmethod
    def of(cls, found: Offer) -> Self:
        price = found.price
        return cls(
            calls=found.calls,
            images=price.images,
            low=price.low,
            high=price.high,
            bound=price.bound,
            seconds=price.seconds(found.limits),
            problems=[ProblemOut.model_validate(asdict(one)) for one in found.problems],
            more_problems=found.more_problems,
        )


@router.post(
    "/reviews",
    operation_id="reviewBatch",
    summary="Approve and reject drafts",
    responses=documented(400, 401, 403, 404, 408, 409, 413, 422, 503),
)
def review(tools: Tools, caller: Submitter, batch_id: str, body: ReviewIn) -> ReviewOut:
    """Approve and reject a batch's images by custom_id, or by a rule for those that nobody has judged."""
    done = reviews.review(tools, caller.project_id, batch_key(batch_id), body.choices())
    return ReviewOut.of(done)


@router.post(
    "/promote/estimate",
    operation_id="estimatePromotion",
    summary="Price a promotion",
    responses=documented(400, 401, 403, 404, 408, 422, 503),
)
def estimate(tools: Tools, caller: Submitter, batch_id: str, body: TargetIn) -> OfferOut:
    """Price a promotion of what is approved; nothing is spent."""
    found = promotion.offer(tools, caller.project_id, batch_key(batch_id), body.target())
    return OfferOut.of(found)


@router.post(
    "/promote",
    operation_id="promoteBatch",
    summary="Promote approved drafts",
    status_code=HTTPStatus.ACCEPTED,
    response_description="The new batch, linked to that of its drafts.",
    responses=documented(400, 401, 403, 404, 408, 409, 422, 503),
)
def promote(
    tools: Tools, caller: Submitter, batch_id: str, response: Response, body: PromoteIn
) -> BatchOut:
    """Make a batch of better images of what is approved; each draft is promoted once to the same."""
    view = promotion.promote(
        tools,
        caller.project_id,
        batch_key(batch_id),
        body.target(),
        name=body.name,
        budget=body.budget,
        key_id=caller.key_id,
    )
    return announced(response, BatchOut.of(view))
