"""A person at a terminal, and the stack that they start."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person
from world import Process


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    somebody = Person(tmp_path)
    yield somebody
    somebody.leave()


@pytest.fixture
def stack(person: Person) -> Process:
    up = person.types("up", DARKROOM_ON_UNKNOWN="fail")
    up.saw("ready; Ctrl-C stops it")
    return up
