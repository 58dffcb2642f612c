"""The settings as a command reads them, and as it hands them to the processes that it starts."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from darkroom.cli.ending import CliError
from darkroom.domain.problem import clipped
from darkroom.settings import Settings

_Blank = BeforeValidator(lambda value: None if value == "" else value)
_SECRET = ("key", "database_url", "redis_url", "storage_url")


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
    return "" if value is None else str(value)


def variable_of(name: str) -> str:
    """The environment variable of a setting.

    >>> variable_of("home"), variable_of("openai_api_key")
    ('DARKROOM_HOME', 'OPENAI_API_KEY')
    """
    return name.upper() if name.lower().startswith("openai_") else f"DARKROOM_{name.upper()}"


def read_environment() -> Environment:
    """The settings from the environment and `darkroom.toml`.

    Raises:
        CliError: one of them cannot be used.
    """
    try:
        environment = Environment()
    except ValidationError as error:
        raise CliError("; ".join(_explained(one) for one in error.errors())) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CliError(f"darkroom.toml is not valid TOML: {error}; correct it") from None
    if environment.api_url and environment.api_key is None:
        raise CliError("DARKROOM_API_URL is set without DARKROOM_API_KEY; set that too")
    return environment


def _explained(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    variable = variable_of(name)
    allowed = error["msg"][:1].lower() + error["msg"][1:]
    if any(word in name.lower() for word in _SECRET):
        return f"{variable} cannot be used: {allowed}"
    return f"{variable}={clipped(error['input'])} cannot be used: {allowed}"
