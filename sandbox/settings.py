"""Every setting of the sandbox; each can be changed while it runs."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from sandbox.faults import FAULTS

Seconds = Annotated[float, Field(ge=0)]
Span = Seconds | tuple[Seconds, Seconds]
Limit = Annotated[int, Field(ge=1)]


class FaultRule(BaseModel):
    """A fault for some calls: with a probability, or for the k-th calls since it was set."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    fault: str
    probability: Annotated[float, Field(ge=0, le=1)] = 0.0
    calls: frozenset[int] = frozenset()
    value: float | None = None

    @field_validator("fault")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; known are {', '.join(sorted(FAULTS))}")
        return name


class Settings(BaseModel):
    """What the sandbox does; an unset limit is no limit.

    `latency` is seconds, a pair (uniform between both) or one of these by quality.
    `window_seconds` is how much of a minute's limit may be used in one burst.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    api_key: SecretStr | None = None
    latency: Span | dict[str, Span] = 0.0
    seed: int = 0
    requests_per_minute: Limit | None = None
    images_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    input_images_per_minute: Limit | None = None
    max_in_flight: Limit | None = None
    window_seconds: Annotated[float, Field(gt=0, le=60)] = 60.0
    faults: tuple[FaultRule, ...] = ()
    canned_bytes: Annotated[int, Field(ge=0)] | None = None
    transparent_preview: bool = False

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """These settings with some replaced.

        Raises:
            pydantic.ValidationError: a name is unknown or a value is out of its range.
        """
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return Settings.model_validate({**kept, **changes})


def read_settings(path: Path | None, changes: Mapping[str, Any]) -> Settings:
    """The settings of a TOML file, if one is given, with some replaced."""
    values = {} if path is None else tomllib.loads(path.read_text(encoding="utf-8"))
    return Settings.model_validate({**values, **changes})
