"""The settings, read once at a door: the environment first, then `darkroom.toml`, then these defaults."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from darkroom.agreement import require_projects, require_source
from darkroom.domain.facts import OFFICIAL, Profile, packaged_toml, read_profiles
from darkroom.domain.retention import Retention
from darkroom.domain.retry import OnUnknown
from darkroom.domain.thrift import REMEMBERED
from darkroom.explanations import FILE, explained, unknown_key
from darkroom.sections import (
    BrokerUrl,
    Days,
    FamilySection,
    Limit,
    Port,
    PositiveInt,
    ProjectSection,
    ProviderSection,
    Seconds,
    SecretMissing,
    Source,
    Timeouts,
)

OPENAI = "https://api.openai.com/v1"
PROJECT = "default"
"""The project of whoever says nothing of projects."""

OF_THE_COMMAND = frozenset({"api_url", "api_key", "sandbox_config"})
"""What only the command line reads, from the same file."""

_Blank = BeforeValidator(lambda value: None if value == "" else value)
"""A variable that is set to nothing is not set."""


class SettingsInvalid(ValueError):  # noqa: N818 - named for what it is
    """A setting cannot be used; the message names it and the fix, and shows no secret."""


class Settings(BaseSettings):
    """Everything an operator can set; each field's variable is its name in capitals after `DARKROOM_`."""

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_",
        toml_file=FILE,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
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
    broker_url: Annotated[BrokerUrl | None, _Blank] = Field(
        default=None,
        description="amqp://…, for messages through RabbitMQ; without one they go through Redis.",
    )
    storage_url: Annotated[str | None, _Blank] = Field(
        default=None,
        description="file:///… or s3://bucket/prefix; without one blobs lie in the home.",
    )
    spool: Annotated[Path | None, _Blank] = Field(
        default=None,
        description="Where a worker lays answers that the storage does not take; without one in the home.",
    )
    requests_per_minute: Limit = Field(
        default=None, description="Calls a minute, of each family of models; unset: learned."
    )
    images_per_minute: Limit = Field(
        default=None, description="Images a minute, of each family; unset: learned."
    )
    tokens_per_minute: Limit = Field(
        default=None, description="Tokens a minute, of each family; unset: learned."
    )
    input_images_per_minute: Limit = Field(
        default=None, description="Reference images a minute, of each family; unset: learned."
    )
    max_in_flight: PositiveInt = Field(
        default=30,
        description="Calls in flight at once, over all workers; worker slots derive from it.",
    )
    request_timeout: Seconds = Field(
        default=600, description="Seconds after which a call's outcome is unknown."
    )
    timeouts: Timeouts = Field(
        default={},
        description='The same for single qualities and sizes, such as {"high 3840x2160": 900}.',
    )
    on_unknown: OnUnknown = Field(
        default=OnUnknown.RETRY, description="Whether a call of unknown outcome is sent once more."
    )
    first_calls: PositiveInt = Field(
        default=5, description="Calls of a batch in flight until as many have been answered."
    )
    vain_calls: PositiveInt = Field(
        default=10, description="Charged calls without a usable image that pause a batch."
    )
    vain_window: Annotated[int, Field(ge=1, le=REMEMBERED)] = Field(
        default=20, description="Among how many of its latest charged calls they are counted."
    )
    workers: PositiveInt = Field(default=2, description="Worker processes that share the slots.")
    api_port: Port = Field(default=8000, description="The API's port.")
    flower_port: Port = Field(default=5555, description="Flower's port.")
    flower_url: Annotated[str | None, _Blank] = Field(
        default=None, description="Where people find Flower; the pages link to it."
    )
    api_requests_per_minute: Annotated[int, Field(ge=0)] = Field(
        default=6000,
        description="What a key may ask of each process of the API a minute; 0: no limit.",
    )
    max_upload_mb: PositiveInt = Field(
        default=512, description="The largest file that may be uploaded."
    )
    max_rows: PositiveInt = Field(default=1_000_000, description="The most rows of one batch.")
    allow_private_urls: bool = Field(
        default=False,
        description=(
            "Follow links to private addresses too, be they a row's, a webhook's or a relay's: for an intranet."
        ),
    )
    local_recipes: bool = Field(
        default=False,
        description="Let workers read the recipes of schedules on this machine; a local stack sets it.",
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="Log lines for people, for programs, or by whether a terminal reads.",
    )
    provider: str = Field(
        default="default",
        description="The provider's name; a batch is only drawn by the one it was given to.",
    )
    profile: str = Field(
        default=OFFICIAL,
        description="What kind of provider OPENAI_BASE_URL is: official or new-api.",
    )
    families: dict[str, FamilySection] = Field(
        default={}, description="Limits of single families of models at the usual provider."
    )
    providers: dict[str, ProviderSection] = Field(
        default={}, description="Providers beside the one of OPENAI_API_KEY."
    )
    projects: dict[str, ProjectSection] = Field(
        default={}, description="Business lines, each with its provider and budget."
    )
    retention_images: Days = Field(
        default=0, description="Days that images are kept after their batch's end; 0: for ever."
    )
    retention_files: Days = Field(
        default=0,
        description="Days that uploads are kept that have no end of their own; 0: for ever.",
    )
    retention_answers: PositiveInt = Field(
        default=7, description="Days that raw answers are kept whose images are missing."
    )
    retention_events: Days = Field(
        default=30, description="Days that events and their deliveries are kept; 0: for ever."
    )
    models: dict[str, dict[str, Any]] = Field(
        default={}, description="Changes to the model facts, and models of your own."
    )
    profiles: dict[str, dict[str, Any]] = Field(
        default={}, description="Kinds of providers of your own."
    )
    admin_key: Annotated[SecretStr | None, _Blank] = Field(
        default=None,
        description="A key that the API admits at its start, with every scope: the first one.",
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0,
        description="A worker's port for /metrics, without a login; a second one here takes the next; 0: none.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="The address that a worker's /metrics listens on."
    )
    metrics_token: Annotated[SecretStr | None, _Blank] = Field(
        default=None,
        description="What a monitor may show instead of an API key to read the API's /metrics.",
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
        file = TomlConfigSettingsSource(settings_cls)
        if strange := unknown_key(file.toml_data, {*Settings.model_fields, *OF_THE_COMMAND}):
            raise SettingsInvalid(strange)
        return init_settings, env_settings, file

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        """What one table says of another must be there."""
        known = self.profiles_on(datetime.now(UTC).date())
        if self.provider in self.providers:
            raise ValueError(
                f"{FILE}, table [providers.{self.provider}]: the name of the provider of OPENAI_API_KEY; "
                f"give the table another, or set the top-level keys instead"
            )
        require_source(self._usual(), known, "")
        for source in self._others():
            require_source(source, known, f"providers.{source.name}")
        require_projects(self.projects, {self.provider, "default", *self.providers})
        return self

    @property
    def retention(self) -> Retention:
        """How long each kind of thing is kept."""
        kinds = ("images", "files", "answers", "events")
        return Retention.in_days(*(getattr(self, f"retention_{one}") for one in kinds))

    @property
    def calls_in_flight(self) -> int:
        """Calls that all providers together may have in flight."""
        return sum(source.max_in_flight for source in self.in_use)

    @property
    def worker_slots(self) -> int:
        """Threads of one worker process: its share of the calls in flight, and room to wait for permits."""
        share = -(-self.calls_in_flight // self.workers)
        return share + max(2, share // 8)

    @property
    def longest_timeout(self) -> float:
        """Seconds after which no call of any provider is waited for."""
        return max(source.longest_timeout for source in self.in_use)

    @property
    def key_fingerprint(self) -> str:
        """What the usual provider's key is known by where the key itself must not stand."""
        return self._usual().fingerprint

    @property
    def usual_provider(self) -> str:
        """Who draws for the project of whoever says nothing of projects."""
        return self.provider_of(PROJECT)

    def provider_of(self, project: str) -> str:
        """Who draws what a project does not give to somebody else."""
        section = self.projects.get(project)
        return (section and section.provider) or self.provider

    def allowed(self, project: str) -> tuple[str, ...]:
        """The providers that a project may ask for, its own first."""
        others = self.projects[project].providers if project in self.projects else ()
        return tuple(dict.fromkeys((self.provider_of(project), *others)))

    def profiles_on(self, today: date) -> dict[str, Profile]:
        """Every profile with the model facts of this day, the operator's changes laid over them."""
        changes = {"models": self.models, "profiles": self.profiles}
        try:
            return read_profiles(packaged_toml(), today, changes)
        except ValueError as invalid:
            raise ValueError(f"{FILE}, {invalid}") from None

    def profile_of(self, provider: str, today: date) -> Profile:
        """What kind of provider this is, and its limits.

        A name that nobody set up is taken for the usual one's kind.
        """
        source = next(
            (one for one in (self._usual(), *self._others()) if one.name == provider), None
        )
        section = self.providers.get(provider)
        profile = self.profiles_on(today)[section.profile if section else self.profile]
        limits = source.limits if source else None
        return replace(profile, models=replace(profile.models, limits=limits))

    def sources(self) -> dict[str, Source]:
        """Every provider that is called, with its key, by name.

        Raises:
            SettingsInvalid: a key is not where its table says.
        """
        return {one.name: self._with_key(one) for one in self.in_use}

    @property
    def in_use(self) -> tuple[Source, ...]:
        """Every provider that is called under these settings, its key still to be read.

        The usual one is among them if it has a key, or if there is no other.
        """
        others = self._others()
        return others if others and self.openai_api_key is None else (self._usual(), *others)

    def _others(self) -> tuple[Source, ...]:
        return tuple(
            section.source(name, self.request_timeout) for name, section in self.providers.items()
        )

    def _with_key(self, source: Source) -> Source:
        section = self.providers.get(source.name)
        try:
            return replace(source, key=SecretStr(section.secret())) if section else source
        except SecretMissing as missing:
            raise SettingsInvalid(f"{FILE}, table [providers.{source.name}]: {missing}") from None

    def _usual(self) -> Source:
        return Source(
            name=self.provider,
            base_url=self.openai_base_url,
            key=self.openai_api_key or SecretStr(""),
            profile=self.profile,
            requests_per_minute=self.requests_per_minute,
            images_per_minute=self.images_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            input_images_per_minute=self.input_images_per_minute,
            max_in_flight=self.max_in_flight,
            request_timeout=self.request_timeout,
            timeouts=self.timeouts,
            families=self.families,
        )


Kind = TypeVar("Kind", bound=Settings)


def read_settings(kind: type[Kind]) -> Kind:
    """The settings from the environment and `darkroom.toml`.

    Raises:
        SettingsInvalid: one of them cannot be used.
    """
    try:
        return kind()
    except ValidationError as error:
        raise SettingsInvalid("; ".join(explained(one, kind) for one in error.errors())) from None
    except SettingsError as error:
        raise SettingsInvalid(f"{error}; unset that variable and use {FILE}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{FILE} is not valid TOML: {error}; correct it") from None
