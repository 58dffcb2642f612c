"""The model facts that this machine goes by."""

from contextlib import suppress
from datetime import UTC, datetime

from darkroom.cli.client import Client
from darkroom.cli.ending import CliError
from darkroom.cli.environment import Environment
from darkroom.domain.models import Models


def models_today(environment: Environment, provider: str | None) -> Models:
    """Every model that is served today by this provider, or by the one that draws for us."""
    today = datetime.now(UTC).date()
    return environment.profile_of(provider or _own_provider(environment), today).models


def _own_provider(environment: Environment) -> str:
    """Who draws for the project of our key: an API elsewhere knows it, if it is one that is set up here."""
    known = {source.name for source in environment.in_use}
    if environment.api_url and environment.api_key and len(known) > 1:
        with (
            suppress(CliError),
            Client(environment.api_url, environment.api_key.get_secret_value()) as client,
        ):
            own = [one.name for one in client.providers()][:1]
            return next((name for name in own if name in known), environment.usual_provider)
    return environment.usual_provider
