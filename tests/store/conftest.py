"""A stage for every test: a database of its own, and the shortest ways through it."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from stage import Stage


@pytest.fixture
def stage(engine: Engine) -> Stage:
    return Stage(engine)


@pytest.fixture
def fresh_id() -> UUID:
    return uuid4()
