"""The settings as a command reads them, and as it hands them to the processes that it starts."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from darkroom.cli.ending import CliError
from darkroom.explanations import variable_of
from darkroom.sections import Section
from darkroom.settings import Settings, SettingsInvalid, read_settings

_Blank = BeforeValidator(lambda value: None if value == "" else value)


class Environment(Settings):
    """The settings, and those that only the command line reads."""

    api_url: Annotated[str | None, _Blank] = Field(
        default=None, description="An API elsewhere, to be used instead of a local stack."
    )
    api_key: Annotated[SecretStr | None, _Blank] = Field(
        default=None, description="The key for that API."
    )
    sandbox_config: Annotated[Path | None, _Blank] = Field(
        default=None, description="A TOML file for the sandbox: its latency, limits and faults."
    )

    def says(self, name: str) -> bool:
        """Whether somebody set this setting, rather than leaving it to its default."""
        return name in self.model_fields_set

    @property
    def root(self) -> Path:
        """The home, wherever a child process may stand."""
        return self.home.absolute()

    def variables(self) -> dict[str, str]:
        """Every setting of the services as environment variables, `darkroom.toml` included.

        So that they hold for child processes that run in another directory.
        """
        values = {name: getattr(self, name) for name in Settings.model_fields}
        values["home"] = self.root
        return {variable_of(name): _written(value) for name, value in values.items()}


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return json.dumps(value, default=_as_json) if value else ""
    return "" if value is None else str(value)


def _as_json(value: object) -> object:
    if isinstance(value, Section):
        return value.model_dump(mode="json", exclude_none=True)
    return str(value)


def read_environment() -> Environment:
    """The settings from the environment and `darkroom.toml`.

    Raises:
        CliError: one of them cannot be used.
    """
    try:
        environment = read_settings(Environment)
    except SettingsInvalid as invalid:
        raise CliError(str(invalid)) from None
    if environment.api_url and environment.api_key is None:
        raise CliError("DARKROOM_API_URL is set without DARKROOM_API_KEY; set that too")
    return environment
