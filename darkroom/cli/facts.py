"""The model facts that this machine goes by."""

from datetime import UTC, datetime

from darkroom.cli.environment import Environment
from darkroom.domain.models import Models


def models_today(environment: Environment) -> Models:
    """Every model that is served today by the provider that draws for us."""
    return environment.profile_of(environment.usual_provider, datetime.now(UTC).date()).models
