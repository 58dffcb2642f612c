"""Estimates: what rows or a file will cost, and what is wrong with them; nothing is spent."""

from dataclasses import asdict
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator

from api import estimation
from api.deps import Submitter, Tools, bearer
from api.errors import documented
from api.estimation import Finding, Question
from api.money import Money
from api.names import file_key
from api.native.bodies import ROWS_LIMIT, Body, Default, Uploaded, Words
from api.native.examples import DRY_RUN, ESTIMATE, SUBMISSION, shows
from api.native.views import ProblemOut
from api.route import GuardedRoute
from api.submission import Submission
from darkroom.domain.batchfile import Draft
from darkroom.domain.estimate import DAYS, price_of

router = APIRouter(
    prefix="/estimates", tags=["estimates"], route_class=GuardedRoute, dependencies=[bearer]
)


class EstimateIn(Body):
    """What is to be estimated: a file that was uploaded, or rows, and what they share."""

    model_config = ConfigDict(
        json_schema_extra=shows({"rows": SUBMISSION["rows"], "template": "{{ title }}"})
    )

    input_file_id: StrictStr | None = None
    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=ROWS_LIMIT)] | None = None
    defaults: dict[str, Default] = Field({}, description="Parameters for all rows.")
    template: Annotated[StrictStr, Field(min_length=1)] | None = None
    each: StrictBool = Field(default=False, description="Tell the price of every row, too.")
    files: Uploaded | None = None
    provider: Words | None = Field(
        None, description="Who would draw it; without one, the project's own provider."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.input_file_id is None) == (self.rows is None):
            raise ValueError("give either input_file_id or rows")
        return self

    def source(self) -> UUID | list[dict[str, Any]]:
        """The uploaded file's key, or the rows."""
        return file_key(self.input_file_id or "") if self.rows is None else self.rows


class MonthOut(BaseModel):
    """What it costs a month if it is run every day, from and to."""

    days: int = DAYS
    low: Money
    high: Money


class RowPriceOut(BaseModel):
    """The price of one row."""

    line: int
    custom_id: str
    images: int
    low: Money
    high: Money
    bound: Money

    @classmethod
    def of(cls, draft: Draft) -> Self:
        price = asdict(price_of(draft.priced))
        images = draft.priced.terms.asked.n
        return cls(line=draft.line, custom_id=draft.custom_id, images=images, **price)


class EstimateOut(BaseModel):
    """Price, size and time of the good rows, and every problem of the others."""

    model_config = ConfigDict(json_schema_extra=shows(ESTIMATE))

    rows: int
    bad_rows: int
    images: int
    low: Money = Field(description="Less than `high` where an `auto` or the model leaves it open.")
    high: Money
    bound: Money = Field(description="What will be reserved: more than it can cost.")
    monthly: MonthOut
    currency: str = "usd"
    seconds: float | None = Field(description="At the configured limits and usual latencies.")
    bytes: int
    problems: list[ProblemOut]
    more_problems: int
    notices: list[str] = Field(description="What to know of the models that its rows name.")
    prices: list[RowPriceOut] | None = None

    @classmethod
    def of(cls, finding: Finding, *, each: bool, **more: Any) -> Self:
        verdict, price = finding.verdict, finding.verdict.price
        low, high = price.monthly()
        return cls(
            rows=verdict.rows,
            bad_rows=verdict.bad_rows,
            images=price.images,
            low=price.low,
            high=price.high,
            bound=price.bound,
            monthly=MonthOut(low=low, high=high),
            seconds=price.seconds(finding.limits),
            bytes=price.bytes,
            problems=[ProblemOut.model_validate(asdict(one)) for one in verdict.problems],
            more_problems=verdict.more_problems,
            notices=[*verdict.notices],
            prices=[RowPriceOut.of(draft) for draft in finding.drafts] if each else None,
            **more,
        )


class RowOut(BaseModel):
    """One row as the provider would be sent it."""

    line: int
    custom_id: str
    request: dict[str, Any]


class DryRunOut(EstimateOut):
    """What a submission would meet: its estimate, and whether it would be taken as it is."""

    model_config = ConfigDict(json_schema_extra=shows(DRY_RUN))

    provider: str = Field(description="Who would draw it.")
    accepted: bool = Field(description="False where its rows would fail it.")
    within_budget: bool | None = Field(
        description="Of its high price; null where it has no budget."
    )
    sample: list[RowOut] = Field(description="Its first rows, as the provider would be sent them.")

    @classmethod
    def rehearsed(cls, finding: Finding, *, provider: str, asked: Submission) -> Self:
        verdict = finding.verdict
        usable = verdict.usable or (asked.skip_bad_rows and not verdict.refused)
        return cls.of(
            finding,
            each=False,
            provider=provider,
            accepted=usable and verdict.good_rows > 0,
            within_budget=None if asked.budget is None else verdict.price.high <= asked.budget,
            sample=[
                RowOut(
                    line=one.line, custom_id=one.custom_id, request=dict(one.priced.request.body())
                )
                for one in verdict.sample
            ],
        )


@router.post(
    "",
    operation_id="estimate",
    summary="Estimate a list",
    responses=documented(400, 401, 403, 404, 413, 422, 503),
)
def estimate(tools: Tools, caller: Submitter, body: EstimateIn) -> EstimateOut:
    """Estimate rows or a file."""
    question = Question(body.defaults, body.template, body.each, body.provider, body.files)
    finding = estimation.estimate(tools, caller.project_id, body.source(), question)
    return EstimateOut.of(finding, each=body.each)
