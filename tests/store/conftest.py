"""A stage for every test: a database of its own, and the shortest ways through it."""

import pytest
from sqlalchemy import Engine
from stage import Stage


@pytest.fixture
def stage(engine: Engine) -> Stage:
    return Stage(engine)
