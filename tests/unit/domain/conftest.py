"""The models as they were known on one day, so that no test depends on when it runs."""

from datetime import date

import pytest

from darkroom.domain.facts import packaged_toml, parse_models
from darkroom.domain.models import Models

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="session")
def models() -> Models:
    return parse_models(packaged_toml(), TODAY)
