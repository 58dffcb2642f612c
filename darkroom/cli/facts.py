"""The model facts that this machine goes by."""

from datetime import UTC, datetime

from darkroom.cli.environment import Environment
from darkroom.domain.models import Models


def models_today(environment: Environment, provider: str | None) -> Models:
    """Every model that is served today by this provider, or by the one that draws for us."""
    today = datetime.now(UTC).date()
    return environment.profile_of(provider or environment.usual_provider, today).models
