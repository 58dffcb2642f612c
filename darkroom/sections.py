"""The tables of `darkroom.toml`: providers beside the usual one, and the projects that use them."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from darkroom.domain.facts import OFFICIAL
from darkroom.domain.limit import Limits, PerMinute

LONGEST_TIMEOUT = 3600

_KEYS = frozenset({"key", "api_key", "secret", "token"})
_TIMEOUT = re.compile(r"[a-z]+|([a-z]+ )?[1-9][0-9]*x[1-9][0-9]*")

PositiveInt = Annotated[int, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Limit = Annotated[PositiveInt | None, BeforeValidator(lambda value: None if value == "" else value)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT)]


class SecretMissing(ValueError):  # noqa: N818 - named for what it is
    """A key is not where its table says; the message names the place and never the key."""


def _plain_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it is no URL; write https://host/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "a password, query or fragment does not belong in it; write https://host/v1"
        )
    return url


def _broker_url(url: str) -> str:
    if not url.startswith(("amqp://", "amqps://", "redis://", "rediss://")):
        raise ValueError("write amqp://user:password@host:5672/vhost, or redis://…")
    return url


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("it is no time zone; write one such as Europe/Berlin") from None
    return name


def _known_case(name: str) -> str:
    if not _TIMEOUT.fullmatch(name):
        raise ValueError('name a quality, a size or both: high, 3840x2160 or "high 3840x2160"')
    return name


BrokerUrl = Annotated[str, AfterValidator(_broker_url)]
Timeouts = dict[Annotated[str, AfterValidator(_known_case)], Seconds]


class Section(BaseModel):
    """A table in which a key that nobody reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FamilySection(Section):
    """What a provider allows for one family of models; what is not said here is as for all of them."""

    requests_per_minute: Limit = None
    images_per_minute: Limit = None
    tokens_per_minute: Limit = None
    input_images_per_minute: Limit = None

    def over(self, usual: PerMinute) -> PerMinute:
        """These limits, laid over the provider's usual ones."""
        return PerMinute(
            self.requests_per_minute or usual.requests,
            self.images_per_minute or usual.images,
            self.tokens_per_minute or usual.tokens,
            self.input_images_per_minute or usual.input_images,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """One provider with everything that is set about it; `key` is empty where nobody gave one."""

    name: str
    base_url: str
    key: SecretStr
    profile: str
    requests_per_minute: int | None
    images_per_minute: int | None
    tokens_per_minute: int | None
    input_images_per_minute: int | None
    max_in_flight: int
    request_timeout: float
    timeouts: Mapping[str, float]
    families: Mapping[str, FamilySection]

    @property
    def fingerprint(self) -> str:
        """What the key is known by where the key itself must not stand."""
        named = f"{self.base_url}\n{self.key.get_secret_value()}"
        return hashlib.sha256(named.encode()).hexdigest()[:16]

    @property
    def limits(self) -> Limits:
        """The limits that the operator has set for it."""
        usual = PerMinute(
            self.requests_per_minute,
            self.images_per_minute,
            self.tokens_per_minute,
            self.input_images_per_minute,
        )
        special = {name: family.over(usual) for name, family in self.families.items()}
        return Limits(self.max_in_flight, usual, special)

    @property
    def longest_timeout(self) -> float:
        """Seconds after which no call of it is waited for."""
        return max(self.request_timeout, *self.timeouts.values(), 0)


class ProviderSection(Section):
    """One upstream: where it is, where its key lies, and what it allows."""

    base_url: Annotated[str, AfterValidator(_plain_url)]
    key_env: str | None = None
    key_file: Annotated[Path, AfterValidator(Path.absolute)] | None = None
    profile: str = OFFICIAL
    requests_per_minute: Limit = None
    images_per_minute: Limit = None
    tokens_per_minute: Limit = None
    input_images_per_minute: Limit = None
    max_in_flight: PositiveInt = 30
    request_timeout: Seconds | None = None
    timeouts: Timeouts = {}
    families: dict[str, FamilySection] = {}

    @model_validator(mode="before")
    @classmethod
    def _without_a_key(cls, table: Any) -> Any:
        """This file is copied, committed and mailed; the key itself never stands in it."""
        if isinstance(table, dict) and (found := sorted(_KEYS & table.keys())):
            raise ValueError(
                f"{found[0]} does not belong into this file: put the key into an environment variable or a file"
                f" and name that with key_env or key_file (and make a new key: this one was written down)"
            )
        return table

    @model_validator(mode="after")
    def _one_place_for_the_key(self) -> "ProviderSection":
        if (self.key_env is None) == (self.key_file is None):
            raise ValueError("say where the key lies: give either key_env or key_file")
        return self

    def source(self, name: str, timeout: float) -> Source:
        """The same under its name, with this timeout where it says none, its key still to be read."""
        named = {key: getattr(self, key) for key in Source.__slots__ if hasattr(self, key)}
        named["request_timeout"] = self.request_timeout or timeout
        return Source(name=name, key=SecretStr(""), **named)

    def secret(self) -> str:
        """The key.

        Raises:
            SecretMissing: it is not where this table says.
        """
        if self.key_env:
            if value := os.environ.get(self.key_env, "").strip():
                return value
            raise SecretMissing(f"the environment variable {self.key_env} is not set; export it")
        assert self.key_file
        try:
            value = self.key_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise SecretMissing(f"{self.key_file}: {reason}; write the key into it") from None
        if not value:
            raise SecretMissing(f"{self.key_file} is empty; write the key into it")
        return value


class ProjectSection(Section):
    """One business line: who draws for it, and what it may cost."""

    provider: str | None = None
    """Who draws what does not say otherwise."""
    providers: tuple[str, ...] = ()
    """Who else may be asked for by name."""
    budget: Annotated[Decimal, Field(gt=0)] | None = None
    """US dollars, in all."""
    budget_per_day: Annotated[Decimal, Field(gt=0)] | None = None
    """US dollars."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """Whose midnight begins a day."""
