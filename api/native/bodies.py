"""What the native dialect takes: the bodies of its requests, with nothing in them that nobody reads."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    model_validator,
)

from api.auth import Scope
from api.money import Budget
from api.names import file_key
from api.native.examples import INVOICE, SUBMISSION, shows
from api.settling import Line
from api.submission import Submission, window_of
from darkroom.domain.batch import PausedReason
from darkroom.domain.batchfile import PRIORITY_LIMIT
from darkroom.domain.checking import OPTIONAL, REROLLS_LIMIT, Check, Checks
from darkroom.domain.invoice import Verdict
from darkroom.domain.request import unstorable
from darkroom.domain.retry import OnModeration

ROWS_LIMIT = 10_000
LINES_LIMIT = 50_000
LONGEST_LIFE = 10 * 366 * 24 * 3600
LONGEST_GRACE = 30 * 24 * 3600
A_DAY = 24 * 3600
PATHS_LIMIT = 50_000
_DATED = re.compile(r"\d{4}-")


def storable(text: str) -> str:
    """The text, if the record can hold it. Raises ValueError."""
    if unstorable(text):
        raise ValueError("has a NUL or half a surrogate pair in it; remove it")
    return text


def _amount(value: object) -> object:
    """A float is taken by its digits, a truth value not at all."""
    if isinstance(value, bool):
        raise ValueError('must be an amount such as "12.50"')  # noqa: TRY004 - pydantic's word for it
    return value


def _written(value: object) -> object:
    """A number is no time, be it in quotes: nobody can tell seconds from milliseconds."""
    if not isinstance(value, str) or not _DATED.match(value):
        raise ValueError('must be a time such as "2026-11-23T06:00:00Z"')
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is a time that no clock will show") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_utc)]
Words = Annotated[
    StrictStr, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)
]
Amount = Annotated[Budget, BeforeValidator(_amount)]
Priority = Annotated[StrictInt, Field(ge=-PRIORITY_LIMIT, le=PRIORITY_LIMIT)]
Path = Annotated[StrictStr, StringConstraints(max_length=4096), AfterValidator(storable)]
FileId = Annotated[StrictStr, StringConstraints(max_length=64), AfterValidator(storable)]
Uploaded = Annotated[
    dict[Path, FileId],
    Field(
        max_length=PATHS_LIMIT,
        description="What stands for the paths in the rows: the files that were uploaded for them.",
        examples=[{"shoes/red.png": "file-0199…"}],
    ),
]
CustomId = Annotated[StrictStr, StringConstraints(max_length=512), AfterValidator(storable)]
Default = (
    Annotated[StrictStr, Field(max_length=200)]
    | Annotated[StrictInt, Field(ge=-(2**31), lt=2**31)]
    | None
)


class Body(BaseModel):
    """A body in which a field that nobody reads is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


OptionalCheck = Literal[Check.BLANK, Check.DUPLICATE, Check.SIZE, Check.FORMAT]


class ChecksIn(Body):
    """What images are looked at for once they have arrived, and what becomes of those that do not pass."""

    model_config = ConfigDict(json_schema_extra=shows({"reroll": 2, "budget": "5"}))

    left_out: Annotated[list[OptionalCheck], Field(max_length=len(OPTIONAL))] = Field(
        default=[], description="What they are not looked at for."
    )
    reroll: Annotated[StrictInt, Field(ge=0, le=REROLLS_LIMIT)] = Field(
        default=0, description="So many times at most, what does not pass is made anew."
    )
    budget: Amount | None = Field(None, description="The most that may cost in all, in US dollars.")

    @model_validator(mode="after")
    def _paid(self) -> "ChecksIn":
        if self.reroll and self.budget is None:
            raise ValueError("give a budget: what is made anew is paid for")
        return self

    def of_batch(self) -> Checks:
        """The same for a list of prompts: what does not pass is only said, unless it is made anew."""
        return Checks(frozenset(self.left_out), bool(self.reroll), self.reroll, self.budget)

    def of_catalog(self) -> Checks:
        """The same for a catalog, which shows nothing that does not pass."""
        return replace(self.of_batch(), rejects=True)


class BatchIn(Body):
    """A batch to be: a file that was uploaded, or rows, and what they share."""

    model_config = ConfigDict(json_schema_extra=shows(SUBMISSION))

    input_file_id: StrictStr | None = Field(None, examples=["file-0199…"])
    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=ROWS_LIMIT)] | None = (
        Field(None, description="Up to 10,000 rows; more go in as a file.")
    )
    name: Words | None = None
    defaults: dict[str, Default] | None = Field(
        None, description="Parameters for all rows; a row's own win."
    )
    template: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        None, description="A Jinja template that makes a row's prompt.", examples=["{{ title }}"]
    )
    skip_bad_rows: StrictBool = False
    files: Uploaded | None = None
    on_moderation: OnModeration = Field(
        OnModeration.FAIL,
        description="`low`: what the safety system refuses is tried once more with moderation low.",
    )
    budget: Amount | None = Field(None, description="The most it may cost, in US dollars.")
    deadline: Moment | None = None
    priority: Priority | None = Field(
        None,
        description="Of two batches that wait, the higher goes first; a row's own counts within.",
    )
    window: Words | None = Field(
        None,
        description="Times of day between which it makes calls; over midnight where the end is earlier.",
        examples=["22:00-06:00"],
    )
    timezone: Words = Field("UTC", description="On whose clocks.", examples=["Europe/Berlin"])
    checks: ChecksIn | None = None
    fingerprint: Words | None = Field(
        None, description="Names what is submitted: the same again attaches to the same batch."
    )
    again: StrictBool = Field(default=False, description="Make a new batch all the same.")
    focus: Words | None = Field(None, description="The one stack that may work on it.")
    provider: Words | None = Field(
        None, description="Who draws it; without one, the project's own provider."
    )

    @model_validator(mode="after")
    def _one_source(self) -> "BatchIn":
        if (self.input_file_id is None) == (self.rows is None):
            raise ValueError("give either input_file_id or rows")
        return self

    def source(self) -> UUID | list[dict[str, Any]]:
        """The uploaded file's key, or the rows.

        Raises:
            Missing: That is no file's id.
        """
        if self.rows is not None:
            return self.rows
        return file_key(self.input_file_id or "")

    def submission(self) -> Submission:
        """The same without its source, in the words of the verb."""
        return Submission(
            name=self.name,
            defaults=self.defaults,
            template=self.template,
            skip_bad_rows=self.skip_bad_rows,
            on_moderation=self.on_moderation,
            budget=self.budget,
            deadline=self.deadline,
            priority=self.priority,
            window=window_of(self.window, self.timezone),
            fingerprint=self.fingerprint,
            again=self.again,
            focus=self.focus,
            provider=self.provider,
            files=self.files,
            checks=self.checks.of_batch() if self.checks else None,
        )


class PauseIn(Body):
    """Why to pause."""

    model_config = ConfigDict(json_schema_extra=shows({"reason": "requested"}))

    reason: Literal[PausedReason.REQUESTED, PausedReason.HELD] = PausedReason.REQUESTED


class ResumeIn(Body):
    """Under which budget to go on."""

    model_config = ConfigDict(json_schema_extra=shows({"budget": "20"}))

    budget: Amount | None = Field(None, description="The new cap; without one the old stays.")


class PriorityIn(Body):
    """Which batches to go before."""

    priority: Priority


class RetryIn(Body):
    """What to retry."""

    model_config = ConfigDict(json_schema_extra=shows({"only": ["server_error"]}))

    only: Annotated[list[StrictStr], Field(min_length=1, max_length=20)] | None = Field(
        None,
        description="Classes of failures; also `unknown` (unknown_outcome, withheld and worker_lost) and "
        "`5xx` (server_error, overloaded and outage), and `rejected`: images that are made anew."
        " Without it: all that cost nothing twice.",
        examples=[["server_error"]],
    )
    budget: Budget | None = Field(
        None, description="What it may spend; without it: what is left of the first batch's."
    )


class InvoiceLineIn(Body):
    """What an invoice says of one row's calls, or of one call."""

    custom_id: Annotated[StrictStr, Field(min_length=1, max_length=512)] | None = None
    request_id: Annotated[StrictStr, Field(min_length=1, max_length=512)] | None = Field(
        None, description="The provider's, or ours: the attempt's id, sent as X-Client-Request-Id."
    )
    outcome: Verdict
    cost: Amount | None = Field(
        None, description="US dollars, of each call; without it: what was reserved for it."
    )

    @model_validator(mode="after")
    def _one_call(self) -> "InvoiceLineIn":
        if self.custom_id is None and self.request_id is None:
            raise ValueError("name the call: give custom_id or request_id")
        if self.cost is not None and self.outcome is Verdict.UNBILLED:
            raise ValueError("what was not billed has no cost: leave cost out")
        return self

    def line(self) -> Line:
        """The same in the words of the verb."""
        return Line(self.outcome, self.custom_id, self.request_id, self.cost)


class SettleIn(Body):
    """What the invoice says: of all calls of unknown outcome, or line by line."""

    model_config = ConfigDict(json_schema_extra=shows(INVOICE))

    outcome: Verdict | None = Field(None, description="Of every call whose outcome is unknown.")
    lines: Annotated[list[InvoiceLineIn], Field(min_length=1, max_length=LINES_LIMIT)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "SettleIn":
        if (self.outcome is None) == (self.lines is None):
            raise ValueError("give either outcome or lines")
        return self


class KeyIn(Body):
    """A key to be."""

    model_config = ConfigDict(
        json_schema_extra=shows({"name": "the shop's importer", "scopes": ["read", "submit"]})
    )

    name: Words
    project: Words | None = Field(
        None, description="Whose key it is to be; only the operator's own project may name another."
    )
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] = Field(
        default=[Scope.READ, Scope.SUBMIT]
    )
    expires_in: Annotated[StrictInt, Field(ge=1, le=LONGEST_LIFE)] | None = Field(
        None, description="Seconds until it is refused; without it, it is good until it is revoked."
    )


class RotationIn(Body):
    """How to give a key a new secret."""

    model_config = ConfigDict(json_schema_extra=shows({"grace": A_DAY}))

    grace: Annotated[StrictInt, Field(ge=0, le=LONGEST_GRACE)] = Field(
        default=A_DAY,
        description="Seconds for which the old secret is good as well; 0: it ends at once.",
    )
