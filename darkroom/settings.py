"""The settings, read once at a door: the environment first, then `darkroom.toml`, then these defaults."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from darkroom.domain.retry import OnUnknown

OPENAI = "https://api.openai.com/v1"

_Blank = BeforeValidator(lambda value: None if value == "" else value)
"""A variable that is set to nothing is not set."""

PositiveInt = Annotated[int, Field(gt=0)]
Limit = Annotated[PositiveInt | None, _Blank]


class Settings(BaseSettings):
    """Everything an operator can set; each field's variable is its name in capitals after `DARKROOM_`."""

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_", toml_file="darkroom.toml", extra="ignore", env_ignore_empty=True
    )

    openai_api_key: Annotated[SecretStr | None, _Blank] = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"),
        description="The default provider's key; without one the sandbox draws the images.",
    )
    openai_base_url: str = Field(
        default=OPENAI,
        validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url"),
        description="The default provider's base URL, with its /v1.",
    )
    home: Path = Field(
        default=Path(".darkroom"), description="Where the embedded stack keeps its state."
    )
    database_url: Annotated[str | None, _Blank] = Field(
        default=None, description="postgresql://…; without one Postgres is embedded."
    )
    redis_url: Annotated[str | None, _Blank] = Field(
        default=None, description="redis://…; without one Valkey is embedded."
    )
    storage_url: Annotated[str | None, _Blank] = Field(
        default=None,
        description="file:///… or s3://bucket/prefix; without one blobs lie in the home.",
    )
    requests_per_minute: Limit = Field(
        default=None, description="Calls a minute; unset: no limit of ours."
    )
    images_per_minute: Limit = Field(
        default=None, description="Images a minute; unset: no limit of ours."
    )
    tokens_per_minute: Limit = Field(
        default=None, description="Tokens a minute; unset: no limit of ours."
    )
    max_in_flight: PositiveInt = Field(
        default=30,
        description="Calls in flight at once, over all workers; worker slots derive from it.",
    )
    request_timeout: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=600, description="Seconds after which a call's outcome is unknown."
    )
    on_unknown: OnUnknown = Field(
        default=OnUnknown.RETRY, description="Whether a call of unknown outcome is sent once more."
    )
    workers: PositiveInt = Field(default=2, description="Worker processes that share the slots.")
    api_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8000, description="The API's port."
    )
    flower_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=5555, description="Flower's port."
    )
    flower_url: Annotated[str | None, _Blank] = Field(
        default=None, description="Where people find Flower; the pages link to it."
    )
    max_upload_mb: PositiveInt = Field(
        default=512, description="The largest file that may be uploaded."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="Log lines for people, for programs, or by whether a terminal reads.",
    )
    provider: str = Field(
        default="default",
        description="The provider's name; a batch is only drawn by the one it was given to.",
    )
    admin_key: Annotated[SecretStr | None, _Blank] = Field(
        default=None,
        description="A key that the API admits at its start, with every scope: the first one.",
    )
    ready_file: Annotated[Path | None, _Blank] = Field(
        default=None,
        description="A file that a worker makes when it takes work, for whoever supervises it.",
    )
    focus: Annotated[str | None, _Blank] = Field(
        default=None,
        description="Work only on batches of this focus; a stack started by `run` sets it.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def worker_slots(self) -> int:
        """Threads of one worker process: its share of the calls in flight, and room to wait for permits."""
        share = -(-self.max_in_flight // self.workers)
        return share + max(2, share // 8)

    @property
    def key_fingerprint(self) -> str:
        """What the provider's key is known by where the key itself must not stand."""
        secret = self.openai_api_key.get_secret_value() if self.openai_api_key else ""
        return hashlib.sha256(f"{self.openai_base_url}\n{secret}".encode()).hexdigest()[:16]
