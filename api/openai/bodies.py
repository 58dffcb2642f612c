"""What this dialect takes."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, StringConstraints

from api.money import Budget
from darkroom.domain.request import unstorable

DAY_HOURS = 24
PAIRS = 16
SHORTEST_SECONDS, LONGEST_SECONDS = 3600, 2_592_000


def _storable(text: str) -> str:
    if unstorable(text):
        raise ValueError("has a NUL or half a surrogate pair in it; remove it")
    return text


Name = Annotated[StrictStr, StringConstraints(max_length=64), AfterValidator(_storable)]
Value = Annotated[StrictStr, StringConstraints(max_length=512), AfterValidator(_storable)]


class Body(BaseModel):
    """A body in which a field that nobody reads is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpiresAfter(Body):
    """How long files are kept."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)]


class Extension(Body):
    """What is ours, in one place."""

    budget: Budget | None = Field(None, description="The most it may cost, in US dollars.")
    links: bool = Field(
        default=False,
        description="Write `url` and `sha256` into the output file in place of `b64_json`.",
    )


class BatchCreation(Body):
    """A batch to be, as https://platform.openai.com/docs/api-reference/batch/create has it."""

    input_file_id: StrictStr
    endpoint: Literal["/v1/images/generations", "/v1/images/edits"]
    completion_window: Literal["24h"]
    metadata: Annotated[dict[Name, Value], Field(max_length=PAIRS)] | None = None
    output_expires_after: ExpiresAfter | None = None
    darkroom: Extension = Field(default_factory=Extension.model_construct)
