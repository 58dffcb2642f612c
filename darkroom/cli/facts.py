"""The model facts that this machine goes by."""

from datetime import UTC, datetime

from darkroom.domain.models import Models, packaged_toml, parse_models


def models_today() -> Models:
    """Every model that is served today."""
    return parse_models(packaged_toml(), datetime.now(UTC).date())
